"""Postcodes as installed, from the package alone: where each lies, what is asked, what is not promised."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from app.places import offline, postal_package, postcodes
from app.places.distance import geodesic_km
from app.places.offline import resolve
from app.places.place import NO_POSTCODES, POSTCODE_CREDIT, UNKNOWN_PLACE, UNKNOWN_POSTCODE


# A code, its country in words, a point that its holders would recognise, and how far off the answer may be.
@pytest.mark.parametrize(
    ("text", "country", "latitude", "longitude", "most_km"),
    [
        ("90210, USA", "US", 34.09, -118.41, 5),
        ("99501-1234, USA", "US", 61.22, -149.88, 10),
        ("K1A 0B1, Canada", "CA", 45.42, -75.70, 10),
        ("L8P, Canada", "CA", 43.25, -79.88, 10),
        ("SW1A 1AA, UK", "GB", 51.50, -0.14, 12),
        ("B1 1AA, UK", "GB", 52.48, -1.90, 15),
        ("AB10 1AB, Scotland", "GB", 57.15, -2.10, 40),
        ("10115, Germany", "DE", 52.53, 13.38, 15),
        ("01067, Germany", "DE", 51.05, 13.73, 10),
        ("75001, France", "FR", 48.86, 2.34, 10),
        ("29200, France", "FR", 48.39, -4.49, 15),
        ("00184, Italy", "IT", 41.89, 12.49, 10),
        ("20121, Italy", "IT", 45.47, 9.19, 10),
        ("28013, Spain", "ES", 40.42, -3.71, 10),  # in the data, this is Aranjuez
        ("08001, Spain", "ES", 41.38, 2.17, 10),  # and this Abrera
        ("00-950, Poland", "PL", 52.24, 21.01, 15),
        ("30-001 Kraków", "PL", 50.07, 19.94, 15),
        ("110001, India", "IN", 28.63, 77.22, 40),
        ("400 001, India", "IN", 18.94, 72.84, 20),
        ("560001 Bangalore", "IN", 12.98, 77.60, 20),
        ("01310-100, Brazil", "BR", -23.56, -46.65, 15),  # the list knows where São Paulo's codes begin
        ("22041-001, Brazil", "BR", -22.97, -43.19, 20),
        ("06600, Mexico", "MX", 19.43, -99.16, 15),
        ("44100, Mexico", "MX", 20.68, -103.35, 10),
        ("100-0001, Japan", "JP", 35.68, 139.75, 15),
        ("5300001, Japan", "JP", 34.70, 135.50, 15),
        ("00100, Kenya", "KE", -1.28, 36.82, 10),
        ("80100, Kenya", "KE", -4.05, 39.66, 15),
        ("8001, South Africa", "ZA", -33.92, 18.42, 15),
        ("0002, South Africa", "ZA", -25.75, 28.19, 15),
    ],
)
def test_a_code_with_its_country_is_one_place_near_where_it_is(
    text: str, country: str, latitude: float, longitude: float, most_km: float
) -> None:
    found = resolve(text)
    (place,) = found.matches
    assert place.country == country
    assert geodesic_km(latitude, longitude, place.latitude, place.longitude) < most_km
    assert place.is_approximate
    assert place.label.startswith("about ")
    assert found.credit == POSTCODE_CREDIT


@pytest.mark.parametrize(
    ("text", "countries"), [("10115", {"US", "DE"}), ("90210", {"US", "MX"}), ("1000", {"BE", "CH", "SI", "ZA"})]
)
def test_a_code_that_several_countries_have_is_asked(text: str, countries: set[str]) -> None:
    found = resolve(text)
    assert found.is_ambiguous
    assert countries <= {place.country for place in found.matches}
    labels = [place.label for place in found.matches]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("text", "country"), [("K1A 0B1", "CA"), ("SW1A 1AA", "GB"), ("L8P 4X1", "CA"), ("B1 1AA", "GB")]
)
def test_letters_and_digits_of_one_country_alone_need_no_question(text: str, country: str) -> None:
    assert [place.country for place in resolve(text).matches] == [country]


def test_the_town_beside_a_code_decides_between_countries() -> None:
    assert [place.country for place in resolve("10115 Berlin").matches] == ["DE"]
    assert [place.country for place in resolve("Rue de Rivoli, 75001 Paris").matches] == ["FR"]


def test_a_town_far_from_every_area_of_the_number_is_what_was_meant() -> None:
    """A house number is not a postcode."""
    (place,) = resolve("1600 Pennsylvania Avenue, Washington, DC").matches
    assert place.label == "Washington, District of Columbia, United States"


def test_a_dutch_code_is_not_read_out_of_a_longer_number() -> None:
    assert "NL" not in {place.country for place in resolve("10115").matches}
    assert "US" not in {place.country for place in resolve("110001").matches}
    assert [place.country for place in resolve("1011 AB, Netherlands").matches] == ["NL"]


@pytest.mark.parametrize(("text", "named"), [("D02 X285, Ireland", "Ireland"), ("11564, Saudi Arabia", "Saudi Arabia")])
def test_a_country_without_codes_is_named_and_not_promised(text: str, named: str) -> None:
    found = resolve(text)
    assert found.matches == ()
    assert found.unknown == f"This server knows no postcodes of {named}. Type a town."


def test_a_town_of_such_a_country_is_found_beside_its_code() -> None:
    assert [place.label for place in resolve("D02 X285 Dublin, Ireland").matches] == ["Dublin, Ireland"]


def test_what_is_unknown_is_called_by_what_it_is() -> None:
    assert resolve("00000, Germany").unknown == UNKNOWN_POSTCODE
    assert resolve("Nowhereville").unknown == UNKNOWN_PLACE


def test_without_package_and_files_no_postcode_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postal_package, "countries", frozenset)
    assert postcodes.countries(None) == frozenset()
    assert offline.resolve("90210").unknown == NO_POSTCODES


def test_countries_whose_records_tell_no_place_are_not_counted() -> None:
    known = postcodes.countries(None)
    assert not known & {"CO", "LV", "PE", "IE"}
    assert known >= {"US", "CA", "GB", "DE", "FR", "IT", "ES", "PL", "IN", "BR", "MX", "JP", "KE", "ZA"}


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE image;-- 12345", "1" * 200, "٣٤٥٦٧", "A1\x00B2", "%31%30115", "１０１１５"]
)
def test_odd_texts_are_only_texts(text: str) -> None:
    for place in offline.resolve(text).matches:
        assert place.label


def test_a_look_up_is_quick_and_keeps_little() -> None:
    resolve("10115")
    tracemalloc.start()
    started = time.perf_counter()
    for number in range(20):
        resolve(f"{20000 + 37 * number}")
    taken_s, (kept, _) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken_s / 20 < 1.0  # 30 ms on a quiet machine; what is meant is not parsing 60 MB of JSON (2 s)
    assert kept < 20_000_000
