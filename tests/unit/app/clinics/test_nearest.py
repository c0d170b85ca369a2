import math
import random
import time

import pytest
from geopy.distance import geodesic

from app.clinics import directory
from app.clinics.facts import HOSPITAL
from app.clinics.nearest import BadPoint, nearest

HAMILTON = (43.2501, -79.8496)
WHITEHORSE = (60.7212, -135.0568)


def names(found) -> list[str]:
    return [clinic.name for clinic in found.clinics]


def test_the_distance_is_the_geodesic_in_kilometres_and_miles(clinic_app, facts):
    directory.merge([facts()], actor="system")
    (clinic,) = nearest(*HAMILTON).clinics
    assert clinic.distance_km == pytest.approx(geodesic(HAMILTON, (43.26, -79.87)).km)
    assert clinic.distance_miles == pytest.approx(clinic.distance_km / 1.609344)


def test_beyond_the_border_the_own_country_still_comes_first_even_when_a_foreign_clinic_is_nearer(clinic_app):
    directory.seed()
    found = nearest(*WHITEHORSE, beyond=True)
    assert {clinic.country for clinic in found.clinics} == {"CA"}
    assert found.is_far
    assert found.is_beyond
    assert "family doctor" in found.hint


def test_nothing_across_a_border_is_listed_unless_asked(clinic_app):
    directory.seed()
    near, far = nearest(49.61, 6.13), nearest(49.61, 6.13, beyond=True)  # Luxembourg
    assert {clinic.country for clinic in near.clinics} == {"LU"}
    assert (near.is_beyond, far.is_beyond) == (False, True)
    assert len(far.clinics) == 5
    assert far.clinics[0].country == "LU"
    assert {clinic.country for clinic in far.clinics[1:]} & {"DE", "FR", "BE"}
    assert {clinic.is_abroad for clinic in far.clinics if clinic.country != "LU"} == {True}
    assert not far.clinics[0].is_abroad


def test_nothing_beyond_three_hundred_kilometres_is_listed_unless_asked(clinic_app, facts):
    degree_km = 111.09  # of latitude, at this place
    rows = [facts(name=f"{km} km", latitude=HAMILTON[0] + km / degree_km, longitude=HAMILTON[1]) for km in (298, 302)]
    directory.replace(rows, actor="system")
    assert names(nearest(*HAMILTON)) == ["298 km"]
    assert names(nearest(*HAMILTON, beyond=True)) == ["298 km", "302 km"]


def test_where_nothing_is_near_nothing_is_listed_and_the_family_doctor_is_named(clinic_app):
    directory.seed()
    found = nearest(*WHITEHORSE)
    assert (found.clinics, found.is_far, found.facts_date, found.sources) == ((), True, "", ())
    assert "300 km" in found.hint
    assert "family doctor" in found.hint


def test_a_hospital_within_reach_is_not_crowded_out_by_centres_beyond_it(clinic_app, facts):
    far = [facts(name=f"Far Centre {number}", latitude=48.0 + number) for number in range(30)]
    directory.replace([*far, facts(name="Hospital", kind=HOSPITAL, latitude=45.3)], actor="system")
    assert names(nearest(*HAMILTON)) == ["Hospital"]


def test_far_out_at_sea_no_country_is_the_own_one(clinic_app):
    directory.seed()
    assert nearest(0.0, -30.0).clinics == ()
    assert len(nearest(0.0, -30.0, beyond=True).clinics) == 5


def test_a_dedicated_centre_stands_before_a_nearer_general_hospital(clinic_app, facts):
    directory.merge(
        [facts(name="Near Hospital", kind=HOSPITAL, latitude=43.25), facts(name="Centre", latitude=43.6)],
        actor="system",
    )
    found = nearest(*HAMILTON)
    assert names(found) == ["Centre", "Near Hospital"]
    assert [clinic.kind_label for clinic in found.clinics] == ["Cancer centre", "General hospital, call first"]
    assert found.hint == ""


def test_a_near_hospital_stands_before_centres_that_are_far(clinic_app, facts):
    far = [facts(name=f"Far Centre {number}", latitude=47.0 + number) for number in range(8)]
    directory.merge([*far, facts(name="Near Hospital", kind=HOSPITAL)], actor="system")
    found = nearest(*HAMILTON, beyond=True)
    assert names(found) == ["Near Hospital", *(f"Far Centre {number}" for number in range(4))]
    assert not found.is_far
    assert "call first" in found.hint


def test_beside_a_border_the_clinic_across_the_street_is_not_taken_for_foreign(clinic_app, facts):
    directory.merge(
        [
            facts(name="Windsor Centre", city="Windsor", latitude=42.2984, longitude=-83.0219),
            facts(name="Detroit Centre", city="Detroit", country="US", latitude=42.3530, longitude=-83.0570),
        ],
        actor="system",
    )
    assert names(nearest(42.3149, -83.0364)) == ["Windsor Centre", "Detroit Centre"]
    assert names(nearest(42.3149, -83.0364, country="us")) == ["Detroit Centre"]
    assert names(nearest(42.3149, -83.0364, country="us", beyond=True)) == ["Detroit Centre", "Windsor Centre"]


def test_far_begins_at_a_hundred_and_fifty_kilometres(clinic_app, facts):
    directory.merge([facts(latitude=43.2501 + 1.34, longitude=-79.8496)], actor="system")
    near = nearest(*HAMILTON)
    directory.replace([facts(latitude=43.2501 + 1.36, longitude=-79.8496)], actor="system")
    far = nearest(*HAMILTON)
    assert near.clinics[0].distance_km < 150 < far.clinics[0].distance_km
    assert (near.is_far, far.is_far) == (False, True)


def test_the_oldest_facts_give_the_date_and_every_source_is_named(clinic_app, facts):
    directory.merge(
        [facts(checked_on="2020-01-01", source="A"), facts(name="B", source="B"), facts(name="C", checked_on="")],
        actor="system",
    )
    found = nearest(*HAMILTON)
    assert found.facts_date == "2020-01-01"
    assert set(found.sources) == {"A", "B", "our own"}


def test_only_safe_links_are_offered(clinic_app, facts):
    directory.merge([facts(website="javascript:alert(1)", phone="+1 905 555 0101 ext. 7")], actor="system")
    (clinic,) = nearest(*HAMILTON).clinics
    assert clinic.website == ""
    assert clinic.phone_link == "tel:+19055550101;ext=7"
    assert clinic.directions_url.startswith("https://www.openstreetmap.org/directions?route=43.2501,-79.8496;")


def test_an_empty_directory_is_far_from_everywhere(clinic_app):
    found = nearest(*HAMILTON)
    assert (found.clinics, found.is_far, found.facts_date) == ((), True, "")


@pytest.mark.parametrize("point", [(91, 0), (0, 181), (math.nan, 0), (0, math.inf), (-90.1, 0)])
def test_impossible_points_are_refused_with_a_sentence(clinic_app, point):
    with pytest.raises(BadPoint, match=r"itude has to lie between"):
        nearest(*point)


@pytest.mark.parametrize("point", [(90, 0), (-90, 180), (0, -180), (0, 0)])
def test_poles_and_the_date_line_are_points_like_any_other(clinic_app, point):
    directory.seed()
    assert len(nearest(*point, beyond=True).clinics) == 5


def test_the_limit_is_kept_and_bounded(clinic_app):
    directory.seed()
    limits = (0, 1, 7, 10_000)
    assert [len(nearest(*HAMILTON, limit=limit, beyond=True).clinics) for limit in limits] == [1, 1, 7, 50]


def test_a_changed_directory_is_noticed_even_when_its_size_stays(clinic_app, facts):
    directory.merge([facts(name="Old")], actor="system")
    assert names(nearest(*HAMILTON)) == ["Old"]
    directory.replace([facts(name="New", kind=HOSPITAL)], actor="system")
    assert names(nearest(*HAMILTON)) == ["New"]


def test_the_choice_equals_sorting_everything_by_exact_distance(clinic_app, facts):
    chance = random.Random(7)
    spread = [
        facts(name=f"Clinic {number}", latitude=chance.uniform(-80, 80), longitude=chance.uniform(-180, 180))
        for number in range(400)
    ]
    directory.replace(spread, actor="system")
    for _ in range(5):
        point = chance.uniform(-80, 80), chance.uniform(-180, 180)
        exact = sorted(spread, key=lambda row: geodesic(point, (row.latitude, row.longitude)).km)
        assert names(nearest(*point, country="CA", beyond=True)) == [row.name for row in exact[:5]]
        reached = [row.name for row in exact if geodesic(point, (row.latitude, row.longitude)).km <= 300.0]
        assert names(nearest(*point, country="CA")) == reached[:5]


def test_twenty_thousand_clinics_are_answered_quickly(clinic_app, facts):
    chance = random.Random(3)
    directory.replace(
        [
            facts(name=f"C{n}", latitude=chance.uniform(25, 60), longitude=chance.uniform(-120, 30))
            for n in range(20_000)
        ],
        actor="system",
    )
    nearest(*HAMILTON)  # reads the directory
    times = []
    for _ in range(15):
        start = time.perf_counter()
        nearest(*HAMILTON)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05  # 10 ms on a quiet machine; what is meant is not 20,000 geodesics (3 s)
