"""Clinics through the JSON interface."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.clinics import directory

CLINICS = "/api/v1/clinics"


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    with app.app_context():
        directory.seed()
    return app.test_client()


def test_coordinates_lead_to_the_nearest_clinics_with_distances(client: FlaskClient) -> None:
    answer = client.get(CLINICS, query_string={"latitude": 47.37, "longitude": 8.54}).json
    assert len(answer["clinics"]) == 5
    assert {clinic["is_abroad"] for clinic in answer["clinics"]} == {False}
    assert all(clinic["facts_age_days"] > 0 for clinic in answer["clinics"])
    for clinic in answer["clinics"]:
        assert clinic["distance"] == clinic["distance_km"]
        assert clinic["distance_miles"] == pytest.approx(clinic["distance_km"] / 1.609344)
    assert answer["unit"] == "km"
    assert answer["place"]["country"] == "CH"


def test_a_typed_place_is_resolved(client: FlaskClient) -> None:
    answer = client.get(CLINICS, query_string={"place": "Zürich", "limit": 2, "unit": "miles"}).json
    assert "Zürich" in answer["place"]["label"]
    assert len(answer["clinics"]) == 2
    assert answer["clinics"][0]["distance"] == answer["clinics"][0]["distance_miles"]


def test_the_server_s_unit_is_used_when_none_is_asked_for(make_app: Callable[..., Flask]) -> None:
    app = make_app(DISTANCE_UNIT="miles")
    answer = app.test_client().get(CLINICS, query_string={"latitude": 47.37, "longitude": 8.54}).json
    assert (answer["unit"], answer["clinics"]) == ("miles", [])


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "no_place"),
        ({"place": "  "}, 400, "no_place"),
        ({"latitude": "1"}, 400, "bad_point"),
        ({"latitude": "inf", "longitude": "1"}, 422, "bad_field"),
        ({"latitude": "1", "longitude": "1", "limit": "0"}, 422, "bad_field"),
        ({"latitude": "1", "longitude": "1", "unit": "leagues"}, 422, "bad_field"),
        ({"place": "x" * 201}, 400, "place_too_long"),
        ({"place": "Springfield"}, 422, "ambiguous_place"),
        ({"place": "10115"}, 422, "ambiguous_place"),
        ({"place": "D02 X285, Ireland"}, 422, "unknown_place"),
        ({"latitude": "1", "longitude": "1", "beyond": "perhaps"}, 422, "bad_field"),
        ({"place": "'; DROP TABLE clinic--"}, 422, "unknown_place"),
    ],
)
def test_a_question_without_an_answer_says_why(
    client: FlaskClient, query: dict[str, str], status: int, code: str
) -> None:
    answer = client.get(CLINICS, query_string=query)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_a_field_that_comes_twice_is_refused(client: FlaskClient) -> None:
    answer = client.get(f"{CLINICS}?latitude=43&latitude=44&longitude=-79")
    assert (answer.status_code, answer.json["code"]) == (422, "bad_field")
    assert answer.json["message"] == "latitude: Send it once."


def test_a_postcode_is_a_place_that_says_it_is_approximate(client: FlaskClient) -> None:
    answer = client.get(CLINICS, query_string={"place": "80331, Germany"}).json
    assert answer["place"]["is_approximate"]
    assert answer["place"]["country"] == "DE"
    assert len(answer["clinics"]) == 5


def test_a_postcode_of_several_countries_gives_the_choices_with_their_points(client: FlaskClient) -> None:
    matches = client.get(CLINICS, query_string={"place": "10115"}).json["matches"]
    german = next(match for match in matches if match["country"] == "DE")
    point = {name: german[name] for name in ("latitude", "longitude")}
    assert client.get(CLINICS, query_string=point).json["place"]["country"] == "DE"


def test_a_country_without_postcodes_is_named(client: FlaskClient) -> None:
    answer = client.get(CLINICS, query_string={"place": "D02 X285, Ireland"}).json
    assert answer["message"] == "This server knows no postcodes of Ireland. Type a town."


def test_what_lies_beyond_is_listed_only_when_asked(client: FlaskClient) -> None:
    whitehorse = {"place": "Whitehorse, Canada"}
    near = client.get(CLINICS, query_string=whitehorse).json
    far = client.get(CLINICS, query_string={**whitehorse, "beyond": "true"}).json
    assert (near["clinics"], near["is_far"], near["is_beyond"], near["referral"]) == ([], True, False, None)
    assert (len(far["clinics"]), far["is_beyond"]) == (5, True)
    assert min(clinic["distance_km"] for clinic in far["clinics"]) > 300


def test_the_operator_s_way_comes_where_no_clinic_is_near(make_app: Callable[..., Flask]) -> None:
    app = make_app(REFERRAL_TEXT="Go to the health centre.", REFERRAL_PHONE="+1 867 555 0101")
    with app.app_context():
        directory.seed()
    client = app.test_client()
    way = {"text": "Go to the health centre.", "phone": "+1 867 555 0101"}
    assert client.get(CLINICS, query_string={"place": "Whitehorse"}).json["referral"] == way
    assert client.get(CLINICS, query_string={"place": "Hamilton, ON"}).json["referral"] is None
