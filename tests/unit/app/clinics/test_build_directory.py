import csv
import importlib.util
from pathlib import Path

import pytest

from app.clinics import directory

SCRIPT = Path(directory.__file__).parents[2] / "scripts" / "build_clinic_directory.py"
ROW = {
    "name": "A Centre", "kind": "cancer_centre", "address": "1 Road", "city": "Lyon", "region": "", "country": "FR",
    "postal_code": "69008", "phone": "", "website": "http://a.example/#,", "latitude": "45.74", "longitude": "4.88",
    "source": "Eurostat GISCO healthcare services FR 1 (2020); ROR 0abc",
    "checked": "coords: CITY-LEVEL GeoNames point",
}  # fmt: skip


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("build_clinic_directory", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rows_become_facts_with_a_short_source_and_a_date(script):
    (row,) = script.built([ROW], "2026-11-21")
    assert (row["source"], row["checked_on"]) == ("Eurostat GISCO 2020, ROR", "2020-01-01")
    assert (row["website"], row["is_approximate"]) == ("http://a.example/", "yes")


def test_an_undated_source_gets_the_day_of_the_comparison(script):
    (row,) = script.built([ROW | {"source": "ROR 0abc (CC0)", "checked": "phone left blank"}], "2026-11-21")
    assert (row["checked_on"], row["is_approximate"]) == ("2026-11-21", "no")


@pytest.mark.parametrize(
    ("source", "checked", "short", "date"),
    [
        ("Wikidata Q1 (CC0); ROR 0abc (CC0)", "phone left blank", "Wikidata, ROR", "2026-11-21"),
        ("Wikidata Q1 (CC0); WHO/KEMRI-Wellcome public facility list (CC BY 4.0)", "",
         "WHO/KEMRI-Wellcome facility list (CC BY 4.0), Wikidata", "2019-01-01"),
        ("GeoNames city (CC BY 4.0); public pages read: a.example", "war since 2023 may have closed it",
         "GeoNames (CC BY 4.0), public pages", "2023-01-01"),
    ],
)  # fmt: skip
def test_a_fact_is_as_old_as_its_register_or_as_the_peace_before_a_war(script, source, checked, short, date):
    (row,) = script.built([ROW | {"source": source, "checked": checked}], "2026-11-21")
    assert (row["source"], row["checked_on"]) == (short, date)


@pytest.mark.parametrize(
    ("checked", "is_approximate"),
    [
        ("coords: NHS.UK organisation file (postcode-level)", "yes"),
        ("coords: Wikidata point; point is the old site in Ancón", "yes"),
        ("coords: HIFLD building-level; 0.2 km from GeoNames postal centroid 35233", "no"),
    ],
)
def test_a_point_that_stands_for_an_area_is_marked(script, checked, is_approximate):
    (row,) = script.built([ROW | {"checked": checked}], "2026-11-21")
    assert row["is_approximate"] == is_approximate


def test_share_alike_rows_are_left_out(script):
    assert list(script.built([ROW | {"source": "OpenStreetMap (ODbL)"}], "2026-11-21")) == []


def test_the_written_file_is_read_back_by_the_directory(script, tmp_path, monkeypatch):
    facts, output = tmp_path / "facts.csv", tmp_path / "directory.csv"
    with facts.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ROW)
        writer.writeheader()
        writer.writerow(ROW)
    words = ["build", str(facts), "--output", str(output), "--compared-on", "2026-11-21"]
    monkeypatch.setattr("sys.argv", words)
    script.main()
    monkeypatch.setattr(directory, "BUNDLED", output)
    (row,) = directory.bundled()
    assert (row.name, row.latitude, row.is_approximate) == ("A Centre", 45.74, True)
