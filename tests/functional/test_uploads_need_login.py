"""Where the operator asks for a login to send pictures: the page, its form, and the JSON interface."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask

from app.tables import AuditEvent, Image
from app.web.extensions import db
from tests.factories.staff import SETTINGS, Browser, staff

Scan = Callable[..., bytes]


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(UPLOADS_NEED_LOGIN=True, **SETTINGS)


def rows(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        return [(image.source, image.owner) for image in db.session.query(Image)]


def test_the_page_asks_to_sign_in_first_and_shows_no_form(app: Flask) -> None:
    page = Browser(app).get("/").text
    assert "Sign in first" in page
    assert 'type="file"' not in page
    assert 'name="sample"' not in page
    assert "upload.js" not in page
    assert "/login?next=/" in page


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_stranger_s_form_is_refused_and_nothing_is_kept(app: Flask, scan: Scan, accept: str) -> None:
    browser = Browser(app)
    fields = {"csrf_token": browser.token("/login"), "picture": (io.BytesIO(scan()), "scan.png")}
    answer = browser.client.post("/", data=fields, headers={"Accept": accept})
    assert answer.status_code == 403
    assert "signed in" in answer.text
    assert rows(app) == []


def test_a_program_is_refused_with_a_sentence(app: Flask, scan: Scan) -> None:
    answer = app.test_client().post("/api/v1/studies", data={"file": (io.BytesIO(scan()), "scan.png")})
    assert (answer.status_code, answer.json["code"]) == (403, "uploads_need_login")
    assert rows(app) == []


def test_a_cookie_opens_no_door_for_programs(app: Flask, scan: Scan) -> None:
    reviewer = staff(app, "grace", "reviewer")
    answer = reviewer.client.post("/api/v1/studies", data={"file": (io.BytesIO(scan()), "scan.png")})
    assert (answer.status_code, answer.json["code"]) == (403, "uploads_need_login")


def test_who_is_signed_in_sends_as_ever_and_the_trail_names_them(app: Flask, scan: Scan) -> None:
    reviewer = staff(app, "grace", "reviewer")
    fields = {"csrf_token": reviewer.token("/"), "picture": (io.BytesIO(scan()), "scan.png")}
    assert reviewer.client.post("/", data=fields).status_code == 303
    assert [source for source, _ in rows(app)] == ["staff"]
    with app.app_context():
        received = db.session.query(AuditEvent).filter_by(action="image.receive").one()
        assert received.actor == "grace"


def test_without_the_setting_everyone_may_and_the_source_tells_who(make_app: Callable[..., Flask], scan: Scan) -> None:
    app = make_app(**SETTINGS)
    stranger = Browser(app)
    fields = {"csrf_token": stranger.token("/"), "picture": (io.BytesIO(scan(1)), "scan.png")}
    assert stranger.client.post("/", data=fields).status_code == 303
    answer = app.test_client().post("/api/v1/studies", data={"file": (io.BytesIO(scan(2)), "scan.png")})
    assert answer.json["source"] == "api"
    assert sorted(source for source, _ in rows(app)) == ["api", "page"]
