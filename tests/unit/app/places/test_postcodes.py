from pathlib import Path

import pytest

from app.places import places, postal_files, postcodes


def line(country: str, code: str, town: str, region: str, latitude: float, longitude: float) -> str:
    return "\t".join((country, code, town, region, "", "", "", "", "", str(latitude), str(longitude), "6"))


@pytest.fixture
def folder(clinic_app) -> Path:
    made = clinic_app.config["DATA_DIR"] / "postcodes"
    made.mkdir()
    (made / "CA.txt").write_text(line("CA", "L8P", "Hamilton", "Ontario", 43.2509, -79.8860) + "\n", encoding="utf-8")
    german = [
        line("DE", "20146", "Hamburg", "Hamburg", 53.57, 9.98),
        line("DE", "01067", "Dresden", "Sachsen", 51.0, 13.7),
    ]
    (made / "DE.txt").write_text("\n".join(german), encoding="utf-8")
    american = [
        line("US", "20146", "Ashburn", "Virginia", 39.0, -77.5),
        "broken line",
        line("US", "1", "x", "", 99.0, 0),
    ]
    (made / "US.txt").write_text("\n".join(american), encoding="utf-8")
    (made / "readme.txt").write_text("not a postal file", encoding="utf-8")
    return made


def labels(text: str) -> list[str]:
    return [place.label for place in places.resolve(text).matches]


def test_a_postcode_is_found_by_its_first_part_and_says_about(folder):
    assert labels("L8P 4X1") == ["about L8P Hamilton, Ontario, Canada"]
    assert labels("l8p4x1") == labels("Hamilton, ON L8P 4X1") == labels("L8P")
    assert places.resolve("L8P").matches[0].is_approximate


def test_a_code_of_two_countries_is_asked(folder):
    assert {"about 20146 Hamburg, Germany", "about 20146 Ashburn, Virginia, United States"} < set(labels("20146"))
    assert labels("20146, Germany") == ["about 20146 Hamburg, Germany"]
    assert labels("20146, USA") == ["about 20146 Ashburn, Virginia, United States"]


def test_the_town_beside_the_code_decides(folder):
    assert labels("20146 Hamburg") == ["about 20146 Hamburg, Germany"]


def test_an_unknown_code_falls_back_to_the_town(folder):
    assert labels("99999 Hamburg, Germany") == ["Hamburg, Germany"]


def test_a_replaced_file_is_read_anew(folder):
    assert labels("01067, Germany") == ["about 01067 Dresden, Sachsen, Germany"]
    (folder / "DE.txt").write_text(line("DE", "10115", "Berlin", "Berlin", 52.53, 13.38), encoding="utf-8")
    assert labels("10115, Germany") == ["about 10115 Berlin, Germany"]
    assert labels("01067, Germany") == []


def test_several_towns_of_a_code_give_their_middle(folder):
    rows = [
        line("FR", "57160", "Rozérieulles", "Grand Est", 49.10, 6.08),
        line("FR", "57160", "Lessy", "Grand Est", 49.12, 6.10),
    ]
    (folder / "FR.txt").write_text("\n".join(rows), encoding="utf-8")
    (area,) = postal_files.find(folder, "57160")
    assert (area.latitude, area.longitude) == (pytest.approx(49.11), pytest.approx(6.09))


def test_no_folder_means_no_files(tmp_path):
    assert postal_files.find(tmp_path / "none", "20146") == []
    assert postal_files.countries(tmp_path / "none") == frozenset()


def test_the_operator_s_file_wins_over_the_package_in_its_country(folder):
    (area,) = postcodes.find(folder, "01067", {"DE"})
    assert (area.town, area.region, area.latitude) == ("Dresden", "Sachsen", 51.0)
    assert postcodes.find(folder, "10115", {"DE"}) == []  # the package knows it, the file does not
    assert [area.country for area in postcodes.find(folder, "75001", {"FR"})] == ["FR"]


def test_whose_data_answered_is_credited(folder):
    assert places.resolve("01067, Germany").credit == "Place names: GeoNames (CC BY 4.0)"
    assert "ODbL" in places.resolve("75001, France").credit


def test_what_a_keyboard_adds_to_a_code_does_not_matter(folder):
    assert labels("l8p-4x1") == labels("Ｌ８Ｐ　４Ｘ１") == labels("L8P 4X1")
    assert labels("〒100-0001, Japan") == labels("１００ー０００１, Japan") != []
