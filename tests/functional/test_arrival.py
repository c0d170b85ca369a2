"""What stands between a login and the rest: a first password that has to be changed, and the time without a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from app import accounts
from app.accounts import logins
from app.tables import LoginSession
from app.tables.moment import now
from app.web.extensions import db
from tests.factories.staff import PASSWORD, SETTINGS, Browser, staff

OWN = "another quiet lantern"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


@pytest.fixture
def newcomer(app: Flask) -> Browser:
    """Logged in with a password that an admin gave."""
    with app.app_context():
        accounts.create("ada", PASSWORD, "admin", actor="root")
    browser = Browser(app)
    assert browser.log_in("ada").status_code == 302
    return browser


@pytest.mark.parametrize("path", ["/", "/about", "/clinics", "/admin/", "/admin/users", "/admin/audit", "/no-page"])
def test_a_first_password_leads_every_page_to_its_change(newcomer: Browser, path: str) -> None:
    assert newcomer.get(path).location == "/account"


@pytest.mark.parametrize("path", ["/", "/admin/users", "/admin/images/" + "0" * 32 + "/delete", "/api/v1/studies"])
def test_a_first_password_does_nothing_but_change(newcomer: Browser, path: str) -> None:
    refused = newcomer.post(path, seen="/account", name="eve", role="admin", password=OWN, own_password=PASSWORD)
    assert refused.status_code == 403
    assert "Choose one of your own under Account first." in refused.text


def test_programs_hear_it_in_their_own_form(newcomer: Browser) -> None:
    refused = newcomer.get("/api/v1/clinics?place=Munich")
    assert (refused.status_code, refused.json["code"]) == (403, "first_password")


@pytest.mark.parametrize("path", ["/static/css/base.css", "/health/live"])
def test_what_no_page_goes_without_stays_open(newcomer: Browser, path: str) -> None:
    with newcomer.get(path) as answer:
        assert answer.status_code == 200


def test_a_first_password_is_changed_once_and_everything_opens(newcomer: Browser) -> None:
    page = newcomer.get("/account")
    assert "Somebody else knows your present password." in page.text
    fields = {"present": PASSWORD, "password": PASSWORD, "again": PASSWORD}
    same = newcomer.post("/account", seen="/account", **fields)
    assert (same.status_code, "That is the present password." in same.text) == (422, True)
    assert newcomer.get("/admin/").location == "/account"

    changed = newcomer.post("/account", seen="/account", **{**fields, "password": OWN, "again": OWN})
    assert changed.location == "/admin/"
    assert newcomer.get("/admin/").status_code == 200


def test_who_does_not_want_to_choose_one_may_sign_out(newcomer: Browser) -> None:
    assert newcomer.post("/logout", seen="/account").location == "/login"
    assert newcomer.get("/").status_code == 200


def _seen(app: Flask, minutes_ago: float) -> None:
    with app.app_context():
        row = db.session.scalars(select(LoginSession)).one()
        row.last_seen_at = now() - timedelta(minutes=minutes_ago)
        db.session.commit()


def _last_seen(app: Flask) -> datetime:
    with app.app_context():
        return db.session.scalars(select(LoginSession.last_seen_at)).one()


def test_a_login_ends_after_its_minutes_without_a_request(app: Flask) -> None:
    browser = staff(app, "ada", "reviewer")
    _seen(app, 29)
    assert browser.get("/admin/").status_code == 200
    _seen(app, 31.1)
    asked = browser.get("/admin/")
    assert asked.location == "/login?next=/admin/"
    assert "Your login has ended." in browser.get("/login").text
    assert "after 30 minutes without a page" in browser.get("/login").text
    assert browser.log_in("ada", next="/admin/").location == "/admin/"


def test_the_minutes_are_a_setting(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS, IDLE_MINUTES=5)
    browser = staff(app, "ada", "reviewer")
    _seen(app, 5.9)
    assert browser.get("/account").status_code == 200
    _seen(app, 6.1)
    assert browser.get("/account").status_code == 302


def test_any_request_is_a_sign_of_life_and_it_is_written_once_a_minute(app: Flask) -> None:
    browser = staff(app, "ada", "reviewer")
    _seen(app, 2)
    browser.get("/about")
    first = _last_seen(app)
    assert now() - first < timedelta(minutes=1)

    written: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE login_session"):
            written.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for _ in range(5):
            assert browser.get("/account").status_code == 200
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert written == []
    assert _last_seen(app) == first


def test_a_page_is_shown_where_the_sign_of_life_can_t_be_written(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = staff(app, "ada", "reviewer")
    _seen(app, 2)

    def refuse() -> None:
        raise OperationalError("UPDATE", {}, Exception("disk is full"))

    monkeypatch.setattr(logins, "writing", refuse)
    assert browser.get("/account").status_code == 200


def test_who_never_signed_in_is_told_nothing_of_an_ended_login(app: Flask) -> None:
    browser = Browser(app)
    assert "Your login has ended." not in browser.get("/login").text
    signed_out = staff(app, "ada", "reviewer")
    signed_out.post("/logout", seen="/account")
    assert "Your login has ended." not in signed_out.get("/login").text
