from pathlib import Path

import pytest

from app.clinics.importing.checking import Circumstances, RefusedRow, check
from app.clinics.importing.draft import Draft
from app.places import gazetteer


@pytest.fixture
def given(tmp_path: Path) -> Circumstances:
    return Circumstances(gazetteer.load(), tmp_path / "postcodes", source="a list", checked_on="2026-01-02")


def draft(**values: str) -> Draft:
    usual = {
        "name": "A Clinic",
        "city": "Hamilton",
        "region": "ON",
        "country": "CA",
        "latitude": "43.26",
        "longitude": "-79.87",
    }
    return Draft(line=2, **(usual | values))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"latitude": "90.1"}, "latitude 90.1 is not between"),
        ({"longitude": "-180.5"}, "longitude -180.5 is not between"),
        ({"latitude": "0", "longitude": "0.0"}, "0, 0 stand for unknown"),
        ({"latitude": "north"}, "no numbers"),
        ({"latitude": ""}, "no numbers"),
        ({"latitude": "inf"}, "not between"),
        ({"name": " \x00 "}, "no name"),
        ({"name": "N/A"}, "no name"),
        ({"country": "Nowhereland"}, "unknown country Nowhereland"),
        ({"latitude": "", "longitude": "", "city": ""}, "neither coordinates nor a city"),
        ({"latitude": "", "longitude": "", "city": "Nowhereville"}, "no town called Nowhereville, ON, CA"),
        (
            {"latitude": "", "longitude": "", "city": "Springfield", "region": "", "country": "US"},
            "towns are called Springfield",
        ),
        ({"latitude": "-48.9", "longitude": "-123.4", "country": ""}, "no country"),
    ],
)
def test_a_row_that_cannot_be_placed_is_refused_with_the_reason(given, values, reason):
    with pytest.raises(RefusedRow, match=reason):
        check(draft(**values), given)


def test_a_row_without_coordinates_is_placed_by_its_town_and_marked(given):
    facts = check(draft(latitude="..", longitude="N/A"), given).facts
    assert (facts.latitude, facts.longitude) == pytest.approx((43.25, -79.85), abs=0.05)
    assert facts.is_approximate


def test_a_postcode_places_better_than_the_town(given):
    given.postcode_folder.mkdir()
    row = "\t".join(("CA", "L8P", "Hamilton", "Ontario", "", "", "", "", "", "43.2509", "-79.8860", "6"))
    (given.postcode_folder / "CA.txt").write_text(row, encoding="utf-8")
    facts = check(draft(latitude="", longitude="", postal_code="L8P 4X1"), given).facts
    assert (facts.latitude, facts.longitude, facts.is_approximate) == (43.2509, -79.886, True)


def test_a_point_in_another_country_is_flagged_and_a_swap_is_guessed_aloud(given):
    (warning,) = check(draft(latitude="-79.87", longitude="43.26"), given).warnings
    assert "nearest town" in warning
    assert "swapped" in warning


def test_a_point_far_from_its_city_is_flagged(given):
    (warning,) = check(draft(city="Vancouver"), given).warnings
    assert warning.endswith("km from Vancouver")
    assert check(draft(), given).warnings == ()


def test_what_is_unsafe_or_filler_is_dropped(given):
    facts = check(
        draft(website="javascript:alert(1)", address="1 Main Street", phone="000-000-0000", postal_code="N/A"), given
    ).facts
    assert (facts.website, facts.address, facts.phone, facts.postal_code) == ("", "", "", "")


def test_values_are_cut_to_the_columns_of_the_table(given):
    facts = check(draft(name="n" * 999, address="a" * 999, phone="+1 905 555 0101"), given).facts
    assert (len(facts.name), len(facts.address), facts.phone) == (200, 300, "+1 905 555 0101")


def test_the_country_may_be_written_out_or_be_missing(given):
    assert check(draft(country="canada"), given).facts.country == "CA"
    assert check(draft(country=""), given).facts.country == "CA"


def test_a_missing_city_is_that_of_the_town_around_the_point(given):
    assert check(draft(city=""), given).facts.city == "Hamilton"


def test_source_and_date_of_the_file_fill_what_the_row_leaves_blank(given):
    facts = check(draft(), given).facts
    assert (facts.source, facts.checked_on) == ("a list", "2026-01-02")
    facts = check(draft(source="mine", checked_on="2020"), given).facts
    assert (facts.source, facts.checked_on) == ("mine", "2020-01-01")


@pytest.mark.parametrize(
    ("written", "kind"), [("Breast clinic", "breast_clinic"), ("", "hospital"), ("odd", "hospital")]
)
def test_the_kind_is_one_that_the_product_knows(given, written, kind):
    assert check(draft(kind=written), given).facts.kind == kind
