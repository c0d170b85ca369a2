import json
import logging
import threading
import time

import pytest

from app.places import geocoding, nominatim, places
from app.places.geocoding import Breaker, Geocoder
from app.places.nominatim import BadAddress


@pytest.fixture
def make_geocoder(nominatim_server, tmp_path, monkeypatch):
    """Makes a geocoder that asks our server, with pauses short enough for a test."""
    monkeypatch.setattr(geocoding, "PAUSE_S", 0.01)
    made = []

    def make() -> Geocoder:
        made.append(Geocoder(nominatim_server.address, tmp_path / "turn"))
        return made[-1]

    yield make
    for geocoder in made:
        geocoder.close()
        geocoder._executor.shutdown(wait=True)


def settle(geocoder: Geocoder) -> None:
    """Wait until the thread has nothing left to do."""
    geocoder._executor.submit(lambda: None).result(timeout=5)


def test_a_found_place_is_credited_and_carries_its_country(nominatim_server, make_geocoder):
    nominatim_server.finds((43.2557, -79.8711, "Hamilton, Ontario, Canada", "ca"))
    found = make_geocoder().look_up("Hamilton, ON")
    assert [(place.label, place.country) for place in found.matches] == [("Hamilton, Ontario, Canada", "CA")]
    assert "OpenStreetMap" in found.credit
    assert nominatim_server.questions == ["Hamilton, ON"]
    assert nominatim_server.agents == [nominatim.USER_AGENT]


def test_the_same_place_is_asked_once(nominatim_server, make_geocoder):
    nominatim_server.finds((48.85, 2.35, "Paris, France", "fr"))
    geocoder = make_geocoder()
    assert geocoder.look_up("Paris") == geocoder.look_up(" PARIS ")
    assert len(nominatim_server.questions) == 1


def test_an_unknown_place_is_remembered_too(nominatim_server, make_geocoder):
    geocoder = make_geocoder()
    assert geocoder.look_up("Nowhereville") is None
    assert geocoder.look_up("Nowhereville") is None
    assert len(nominatim_server.questions) == 1


def test_what_is_remembered_is_bounded(nominatim_server, make_geocoder, monkeypatch):
    monkeypatch.setattr(geocoding, "MAX_REMEMBERED", 3)
    geocoder = make_geocoder()
    for number in range(6):
        geocoder.look_up(f"place {number}")
    assert list(geocoder._remembered) == ["place 3", "place 4", "place 5"]


def test_several_answers_are_asked_and_near_twins_are_one(nominatim_server, make_geocoder):
    nominatim_server.finds(
        (39.80, -89.64, "Springfield, Illinois", "us"),
        (39.801, -89.641, "Springfield (boundary), Illinois", "us"),
        (37.21, -93.29, "Springfield, Missouri", "us"),
    )
    found = make_geocoder().look_up("Springfield")
    assert [place.label for place in found.matches] == ["Springfield, Illinois", "Springfield, Missouri"]
    assert found.is_ambiguous


def test_an_address_is_kept_as_its_town_and_no_finer_than_a_hundred_metres(nominatim_server, make_geocoder):
    address = {"house_number": "12", "road": "King Street", "town": "Dundas", "state": "Ontario", "country": "Canada"}
    found = {"lat": "43.265812", "lon": "-79.954512", "display_name": "12, King Street, Dundas", "address": address}
    nominatim_server.body = json.dumps([found]).encode()
    (place,) = make_geocoder().look_up("12 King Street, Dundas").matches
    assert (place.latitude, place.longitude, place.label) == (43.266, -79.955, "Dundas, Ontario, Canada")


def test_an_address_without_a_town_keeps_its_last_parts(nominatim_server, make_geocoder):
    nominatim_server.finds((43.2, -79.9, "12, King Street, Wentworth, Ontario, Canada", "ca"))
    assert make_geocoder().look_up("12 King Street").matches[0].label == "Wentworth, Ontario, Canada"


@pytest.mark.parametrize("status", [403, 429])
def test_a_refusal_stops_all_questions_for_a_while(nominatim_server, make_geocoder, status):
    nominatim_server.status = status
    geocoder = make_geocoder()
    assert geocoder.look_up("Paris") is None
    assert geocoder.breaker.is_open
    assert geocoder.look_up("London") is None
    assert len(nominatim_server.questions) == 1


@pytest.mark.parametrize(
    "body",
    [b"<html>hello</html>", b"{", b'{"error": "busy"}', b"[1, 2]", b'[{"lat": "x", "lon": "y"}]', b'"text"',
     b"\xff\xfe", b'[{"lat": "99", "lon": "0", "display_name": "x"}]', b'[{"display_name": "nowhere"}]',
     b"[" * 5000],
)  # fmt: skip
def test_an_answer_that_is_not_nominatims_is_no_answer(nominatim_server, make_geocoder, body):
    nominatim_server.body = body
    geocoder = make_geocoder()
    assert geocoder.look_up("Paris") is None
    assert not geocoder.breaker.is_open
    assert geocoder.look_up("London") is None
    assert geocoder.breaker.is_open


def test_an_endless_answer_is_cut(nominatim_server, make_geocoder):
    nominatim_server.body = b"[" + b" " * 2_000_000 + b"]"
    assert make_geocoder().look_up("Paris") is None


def test_a_redirect_is_not_followed(nominatim_server, make_geocoder):
    nominatim_server.status = 302
    nominatim_server.headers = {"Location": f"{nominatim_server.address}/elsewhere?q=followed"}
    assert make_geocoder().look_up("Paris") is None
    assert nominatim_server.questions == ["Paris"]


def test_a_server_that_is_down_is_no_answer(nominatim_server, make_geocoder, tmp_path):
    geocoder = make_geocoder()
    geocoder._client = nominatim.client("http://127.0.0.1:9")  # discard port, nobody listens
    assert geocoder.look_up("Paris") is None
    assert nominatim_server.questions == []


def test_a_slow_server_is_not_waited_for_and_its_answer_is_kept(nominatim_server, make_geocoder, monkeypatch):
    monkeypatch.setattr(geocoding, "PATIENCE_S", 0.05)
    nominatim_server.finds((48.85, 2.35, "Paris, France", "fr"))
    go_on = threading.Event()
    nominatim_server.before_answer = lambda: go_on.wait(5)
    geocoder = make_geocoder()
    start = time.monotonic()
    assert geocoder.look_up("Paris") is None
    assert time.monotonic() - start < 4
    go_on.set()
    settle(geocoder)
    assert geocoder.look_up("Paris").matches[0].label == "Paris, France"
    assert len(nominatim_server.questions) == 1


def test_a_server_that_never_answers_opens_the_breaker(nominatim_server, make_geocoder, monkeypatch):
    monkeypatch.setattr(geocoding, "PATIENCE_S", 0.02)
    monkeypatch.setattr(nominatim, "TIMEOUT_S", 0.1)
    go_on = threading.Event()
    nominatim_server.before_answer = lambda: go_on.wait(5)
    geocoder = make_geocoder()
    for name in ("Paris", "London"):
        geocoder.look_up(name)
    settle(geocoder)
    go_on.set()
    assert geocoder.breaker.is_open
    assert geocoder.look_up("Rome") is None


def test_few_questions_wait_while_one_is_asked(nominatim_server, make_geocoder, monkeypatch):
    monkeypatch.setattr(geocoding, "PATIENCE_S", 0.01)
    go_on = threading.Event()
    nominatim_server.before_answer = lambda: go_on.wait(5)
    geocoder = make_geocoder()
    for number in range(20):
        geocoder.look_up(f"place {number}")
    go_on.set()
    settle(geocoder)
    assert len(nominatim_server.questions) <= geocoding.MAX_WAITING


def test_questions_keep_their_distance(nominatim_server, make_geocoder, monkeypatch):
    monkeypatch.setattr(geocoding, "PAUSE_S", 0.1)
    asked = []
    nominatim_server.before_answer = lambda: asked.append(time.monotonic())
    geocoder = make_geocoder()
    begun = time.monotonic()
    for name in ("Paris", "London", "Rome"):
        geocoder.look_up(name)
    assert len(asked) == 3
    assert asked[-1] - begun >= 0.19  # not each distance: a busy machine may hear of a question late


def test_the_pause_between_questions_is_a_second():
    assert geocoding.PAUSE_S >= 1.0
    assert nominatim.TIMEOUT_S == 3.0


def test_the_typed_place_is_not_logged(nominatim_server, make_geocoder, caplog):
    nominatim_server.status = 500
    with caplog.at_level(logging.DEBUG, logger="app"):
        make_geocoder().look_up("Secretville")
    assert "no answer" in caplog.text
    assert "Secretville" not in caplog.text


def test_the_breaker_closes_again_with_time():
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    breaker.failed(is_refusal=False)
    breaker.succeeded()
    breaker.failed(is_refusal=False)
    assert not breaker.is_open
    breaker.failed(is_refusal=False)
    assert breaker.is_open
    now[0] = geocoding.OPEN_S
    assert not breaker.is_open


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "ftp://a.example", "a.example", "https://", "https://me@a.example", "https://a/?q=1"],
)
def test_only_a_plain_http_address_is_taken(address):
    with pytest.raises(BadAddress):
        nominatim.client(address)


def test_without_an_address_nothing_is_asked(clinic_app, nominatim_server):
    assert not geocoding.is_configured()
    assert places.resolve("Hamilton, ON").matches[0].label == "Hamilton, Ontario, Canada"
    assert nominatim_server.questions == []


def test_with_an_address_nominatim_is_asked_first_and_coordinates_stay_here(clinic_app, nominatim_server):
    clinic_app.config["NOMINATIM_URL"] = nominatim_server.address
    nominatim_server.finds((43.2557, -79.8711, "12 Main Street, Hamilton", "ca"))
    try:
        assert places.resolve("12 Main Street, Hamilton").matches[0].label == "12 Main Street, Hamilton"
        assert places.resolve("43.25, -79.87").matches[0].country == "CA"
        assert nominatim_server.questions == ["12 Main Street, Hamilton"]
    finally:
        clinic_app.extensions["sonotriage.geocoder"].close()


def test_a_refusing_nominatim_leaves_the_offline_answer(clinic_app, nominatim_server):
    clinic_app.config["NOMINATIM_URL"] = nominatim_server.address
    nominatim_server.status = 403
    try:
        assert places.resolve("Paris, TX").matches[0].label == "Paris, Texas, United States"
    finally:
        clinic_app.extensions["sonotriage.geocoder"].close()


def test_an_unusable_address_leaves_the_offline_answer(clinic_app):
    clinic_app.config["NOMINATIM_URL"] = "file:///etc/passwd"
    assert places.resolve("Paris, TX").matches[0].label == "Paris, Texas, United States"
