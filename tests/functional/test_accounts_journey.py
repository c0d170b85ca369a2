"""Logging in and out through the real doors."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import accounts
from app.tables import AuditEvent, LoginSession
from app.tables.moment import now
from app.web.extensions import db
from tests.factories.staff import PASSWORD, SETTINGS, Browser, add_user, staff


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


def _session_cookie(browser: Browser) -> str:
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    return cookie.value


def test_a_stranger_is_led_to_the_login_and_back_to_where_they_wanted(app: Flask) -> None:
    add_user(app, "ada", "reviewer")
    browser = Browser(app)

    asked = browser.get("/admin/?category=prompt&page=2")
    assert asked.status_code == 302
    assert asked.location == "/login?next=/admin/?category%3Dprompt%26page%3D2"
    page = browser.get(asked.location)
    assert 'value="/admin/?category=prompt&amp;page=2"' in page.text

    answer = browser.log_in("ada", next="/admin/?category=prompt&page=2")
    assert answer.location == "/admin/?category=prompt&page=2"


@pytest.mark.parametrize("typed", ["ada.l", "Ada.L", " ADA.L ", "\uff41da.l"])
def test_a_name_is_the_same_however_it_is_typed(app: Flask, typed: str) -> None:
    add_user(app, "Ada.L", "reviewer")
    assert Browser(app).log_in(typed).location == "/admin/"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.com", "/\\evil.com", "\\\\evil.com", "javascript:alert(1)", "https://evil.com", "/\t/evil.com",
        "/\n/evil.com", " //evil.com", "evil.com", "/ /evil.com", "http:evil.com",
    ],
)  # fmt: skip
def test_nobody_is_led_away_from_the_server_after_login(app: Flask, target: str) -> None:
    add_user(app, "ada", "reviewer")
    browser = Browser(app)
    assert browser.log_in("ada", next=target).location == "/admin/"
    assert browser.get("/login", query_string={"next": target}).location == "/admin/"


def test_wrong_name_wrong_password_and_disabled_user_get_the_same_words(app: Flask) -> None:
    add_user(app, "root", "admin")
    user_id = add_user(app, "ada", "reviewer")
    browser = Browser(app)
    answers = [browser.log_in("nobody"), browser.log_in("ada", "not the password")]
    with app.app_context():
        accounts.disable(user_id, "root")
    answers.append(browser.log_in("ada"))

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert all("Name or password is wrong." in answer.text for answer in answers)


def test_a_password_typed_as_a_name_is_not_kept_in_the_audit_trail(app: Flask) -> None:
    Browser(app).log_in("my secret password", "x")
    with app.app_context():
        events = db.session.scalars(select(AuditEvent)).all()
        assert [(event.actor, event.action, event.details) for event in events] == [("visitor", "login.refuse", {})]


def test_each_login_makes_a_new_token_and_forgets_the_old_session(app: Flask) -> None:
    browser = staff(app, "ada", "reviewer")
    first = _session_cookie(browser)
    assert browser.get("/admin/").status_code == 200
    browser.post("/logout", seen="/account")
    browser.log_in("ada")

    assert _session_cookie(browser) != first
    thief = Browser(app)
    thief.client.set_cookie("session", first)
    assert thief.get("/admin/").status_code == 302


def test_a_cookie_set_before_login_is_of_no_use_after_it(app: Flask) -> None:
    add_user(app, "ada", "reviewer")
    browser = Browser(app)
    browser.get("/login")
    planted = _session_cookie(browser)
    browser.log_in("ada")

    attacker = Browser(app)
    attacker.client.set_cookie("session", planted)
    assert attacker.get("/admin/").status_code == 302


def test_a_copied_cookie_dies_at_logout(app: Flask) -> None:
    browser = staff(app, "ada", "reviewer")
    copied = _session_cookie(browser)
    assert browser.post("/logout", seen="/account").status_code == 302

    thief = Browser(app)
    thief.client.set_cookie("session", copied)
    assert thief.get("/admin/").status_code == 302
    assert thief.client.post("/admin/images/x/review", data={"csrf_token": "x"}).status_code in (401, 403)


def test_disabling_ends_a_login_at_once(app: Flask) -> None:
    staff(app, "root", "admin")
    browser = staff(app, "ada", "reviewer")
    with app.app_context():
        ada = accounts.by_name("ada")
        assert ada is not None
        accounts.disable(ada.id, "root")
    assert browser.get("/admin/").status_code == 302


def test_a_login_expires(app: Flask) -> None:
    browser = staff(app, "ada", "reviewer")
    with app.app_context():
        row = db.session.scalars(select(LoginSession)).one()
        assert timedelta(hours=11, minutes=59) < row.expires_at - now() <= timedelta(hours=12)
        row.expires_at = now() - timedelta(seconds=1)
        db.session.commit()
    assert browser.get("/admin/").status_code == 302


def test_the_token_in_the_cookie_is_not_in_the_database(app: Flask) -> None:
    browser = staff(app, "ada", "reviewer")
    with browser.client.session_transaction() as session:
        token = session["_user_id"]
    with app.app_context():
        row = db.session.scalars(select(LoginSession)).one()
        assert len(token) >= 43
        assert row.token_sha256 != token


def test_session_cookies_are_hidden_from_scripts_and_other_sites(app: Flask) -> None:
    add_user(app, "ada", "reviewer")
    answer = Browser(app).log_in("ada")
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)


def test_https_installations_send_cookies_over_https_only(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS | {"COOKIE_SECURE": True})
    add_user(app, "ada", "reviewer")
    client = app.test_client()
    page = client.get("/login", base_url="https://localhost")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token
    answer = client.post(
        "/login", base_url="https://localhost", headers={"Referer": "https://localhost/login"},
        data={"csrf_token": token[1], "name": "ada", "password": PASSWORD},
    )  # fmt: skip
    assert answer.status_code == 302
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_one_address_may_try_only_so_often_a_minute(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS | {"LOGINS_PER_MINUTE": 5})
    browser = Browser(app)
    token = browser.token("/login")
    statuses = [
        browser.client.post("/login", data={"csrf_token": token, "name": f"user{n}", "password": "x"}).status_code
        for n in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2


def test_right_logins_are_not_counted_however_many_come_from_one_address(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS | {"LOGINS_PER_MINUTE": 3})
    names = [f"user{number}" for number in range(12)]
    for name in names:
        add_user(app, name, "reviewer")
    assert [Browser(app).log_in(name).status_code for name in names] == [302] * 12


def test_who_guesses_keeps_only_those_out_who_never_were_in_from_there(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS | {"LOGINS_PER_MINUTE": 3})
    colleague = staff(app, "ada", "reviewer")
    colleague.post("/logout", seen="/account")
    add_user(app, "grace", "reviewer")
    guesser = Browser(app)
    assert [guesser.log_in(f"nobody{number}", "guess").status_code for number in range(4)] == [401] * 3 + [429]
    assert Browser(app).log_in("grace").status_code == 429
    assert colleague.log_in("ada").status_code == 302


def test_mistakes_in_a_known_browser_count_for_it_alone(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS | {"LOGINS_PER_MINUTE": 3})
    known = staff(app, "ada", "reviewer")
    known.post("/logout", seen="/account")
    add_user(app, "grace", "reviewer")
    assert [known.log_in("ada", "mistyped").status_code for _ in range(4)] == [401] * 3 + [429]
    assert Browser(app).log_in("grace").status_code == 302


def test_guessing_one_name_is_slowed_but_the_owners_own_browser_is_not(app: Flask) -> None:
    owner = staff(app, "ada", "reviewer")
    owner.post("/logout", seen="/account")
    guesser = Browser(app)
    answers = [guesser.log_in("ada", f"guess number {n}") for n in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert guesser.log_in("ada").status_code == 429
    assert owner.log_in("ada").status_code == 302


def test_a_login_without_the_forms_token_is_refused(app: Flask) -> None:
    add_user(app, "ada", "reviewer")
    answer = app.test_client().post("/login", data={"name": "ada", "password": PASSWORD})
    assert answer.status_code in (400, 403)
    with app.app_context():
        assert db.session.scalar(select(LoginSession.id)) is None


def test_get_does_not_log_out(app: Flask) -> None:
    browser = staff(app, "ada", "reviewer")
    assert browser.get("/logout").status_code == 405
    assert browser.get("/account").status_code == 200


def test_the_setup_link_makes_the_first_admin_and_signs_in(app: Flask) -> None:
    with app.app_context():
        path = accounts.setup_link()
    browser = Browser(app)
    assert "Nobody can sign in yet" in browser.get("/login").text
    weak = browser.post(path, seen=path, name="ada", password="short", again="short")
    assert weak.status_code == 422
    assert "at least 12 characters" in weak.text
    differing = browser.post(path, seen=path, name="ada", password=PASSWORD, again="something else")
    assert differing.status_code == 422

    answer = browser.post(path, seen=path, name="Ada", password=PASSWORD, again=PASSWORD)
    assert answer.location == "/admin/"
    assert browser.get("/admin/users").status_code == 200
    assert Browser(app).get(path).status_code == 404
    with app.app_context():
        actions = [event.action for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]
    assert actions == ["user.create", "login.succeed"]


def test_a_guessed_setup_code_is_nothing(app: Flask) -> None:
    with app.app_context():
        accounts.setup_link()
    assert Browser(app).get("/setup/" + "A" * 32).status_code == 404


def test_changing_ones_password_ends_the_other_logins_but_not_this_one(app: Flask) -> None:
    here = staff(app, "ada", "reviewer")
    elsewhere = Browser(app)
    elsewhere.log_in("ada")
    wrong = here.post(
        "/account", seen="/account", present="wrong", password="a new long phrase", again="a new long phrase"
    )
    assert wrong.status_code == 422
    assert elsewhere.get("/admin/").status_code == 200

    changed = here.post(
        "/account", seen="/account", present=PASSWORD, password="a new long phrase", again="a new long phrase"
    )
    assert changed.status_code == 302
    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302
    assert Browser(app).log_in("ada").status_code == 401
    assert Browser(app).log_in("ada", "a new long phrase").status_code == 302
