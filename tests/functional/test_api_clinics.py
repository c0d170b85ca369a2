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
