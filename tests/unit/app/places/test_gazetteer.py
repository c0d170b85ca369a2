import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.places import gazetteer
from app.places.distance import great_circle_km, unit_vectors
from app.places.gazetteer import Gazetteer, _entries


@pytest.fixture(scope="module")
def towns() -> Gazetteer:
    return gazetteer.load()


def test_a_town_is_found_by_its_other_names_and_without_accents(towns):
    assert [town.name for town in towns.find("München")] == ["Munich"]
    assert towns.find("montreal")[0].label == "Montréal, Quebec, Canada"
    assert towns.find("Москва")[0].name == "Moscow"


def test_the_most_populous_town_of_a_name_comes_first(towns):
    populations = [town.population for town in towns.find("Springfield")]
    assert len(populations) > 10
    assert populations == sorted(populations, reverse=True)


def test_empty_and_unknown_names_are_found_nowhere(towns):
    assert towns.find("") == towns.find("...") == towns.find("Nowhereville") == []


def test_the_nearest_town_is_the_one_a_full_search_finds(towns):
    for latitude, longitude in [(43.25, -79.87), (60.7, -135.1), (0.0, -150.0), (-89.9, 10.0), (-17.0, 179.9)]:
        town, distance_km = towns.nearest(latitude, longitude)
        points = towns._points
        everywhere = great_circle_km(latitude, longitude, unit_vectors(points[:, 0], points[:, 1]))
        assert len(everywhere) == len(towns) > 60_000
        assert distance_km == pytest.approx(everywhere.min())
        assert town.distance_km(latitude, longitude) == pytest.approx(distance_km, rel=0.01, abs=0.05)


def test_a_point_beside_a_border_may_belong_to_both_countries(towns):
    assert towns.countries_at(42.3149, -83.0364) == {"CA", "US"}  # Windsor's shore, opposite Detroit
    assert towns.country_at(42.3149, -83.0364) is None
    assert towns.countries_at(43.25, -79.87) == {"CA"}
    assert towns.country_at(43.25, -79.87) == "CA"


def test_a_point_far_out_at_sea_belongs_to_no_country(towns):
    assert towns.country_at(-48.9, -123.4) is None
    assert towns.countries_at(-48.9, -123.4) == frozenset()


def test_entries_are_read_one_by_one_and_survive_braces_in_names(tmp_path: Path):
    rows = {"1": {"name": "A {b}", "alternatenames": ["}{"]}, "2": {"name": "C", "alternatenames": []}}
    path = tmp_path / "cities.json"
    path.write_text(json.dumps(rows), encoding="ascii")
    assert list(_entries(path)) == list(rows.values())


def test_importing_the_module_does_not_read_the_gazetteer():
    code = "import app.places.places, app.places.gazetteer as g; print(g._loaded.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
