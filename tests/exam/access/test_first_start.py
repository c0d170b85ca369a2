"""A server that nobody has set up yet: no password of its own, no key that others have too."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders.browser_client import PASSWORD, Browser
from tests.factories.server import Server

Seen = Callable[[str], None]
ACCOUNTS = ("admin", "administrator", "root", "sonotriage", "orthanc", "user", "demo", "doctor")
PASSWORDS = ("admin", "password", "changeme", "orthanc", "")
KEYS = (
    "",
    "dev",
    "secret",
    "change-me",
    "changeme",
    "SECRET_KEY",
    "sonotriage",
    "insecure",
    "0" * 64,
    "you-will-never",
)
first = exam(
    "B61",
    given="A first start without any password set",
    expected="No account exists; a link printed once makes the first admin and is dead after that; every installation "
    "has its own secret key, readable by its owner only",
)


@pytest.fixture
def fresh(launch: Launch, tiny_models: Path) -> Server:
    return launch("fresh", tiny_models, LOGINS_PER_MINUTE="100000")


def link_in(printed: str) -> str | None:
    found = re.search(r"http://\S+(/setup/\S+)", printed)
    return found[1] if found else None


@first
def test_nobody_can_sign_in_before_the_link_is_used(fresh: Server, seen: Seen) -> None:
    assert link_in(fresh.flask("prepare")) is not None
    fresh.start()
    stranger, tried = Browser(fresh), 0
    token = stranger.get("/login").token
    for name in ACCOUNTS:
        for password in PASSWORDS:
            answer = stranger.post("/login", token, name=name, password=password)
            assert answer.status in (401, 422, 429), f"{name} {password}: {answer.status}"
            tried += 1
    assert not stranger.is_inside
    assert "Nobody can sign in yet" in stranger.get("/login").text
    for guess in ("admin", "setup", "0" * 32, "..%2fsetup_code"):
        assert stranger.get(f"/setup/{guess}").status == 404
    seen(f"{tried} usual names and passwords: none works")


@first
def test_the_link_works_once_and_only_the_newest_works(fresh: Server, seen: Seen) -> None:
    older, link = link_in(fresh.flask("prepare")), link_in(fresh.flask("setup-link"))
    assert older is not None
    assert link is not None
    assert older != link
    kept = fresh.data / "setup_code"
    assert link.removeprefix("/setup/") not in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    fresh.start()
    browser = Browser(fresh)
    assert browser.get(older).status == 404
    weak = browser.post(link, name="first", password="short", again="short")
    assert weak.status == 422
    assert browser.post(link, name="first", password=PASSWORD, again=PASSWORD).status == 302
    assert browser.is_inside
    stranger = Browser(fresh)
    assert stranger.get(link).status == 404
    assert stranger.post(link, name="second", password=PASSWORD, again=PASSWORD).status == 404
    assert link_in(fresh.flask("prepare")) is None, "a link was printed although somebody can sign in"
    assert not kept.exists()
    assert link.removeprefix("/setup/") not in fresh.log.read_text()
    seen(f"link of {len(link) - 7} characters, used once; 404 after that")


@first
def test_every_installation_has_a_secret_key_of_its_own(fresh: Server, launch: Launch, tiny_models: Path) -> None:
    other = launch("other", tiny_models)
    for server in (fresh, other):
        server.flask("prepare")
    keys = [(server.data / "secret_key").read_text().strip() for server in (fresh, other)]
    assert keys[0] != keys[1]
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)
    assert (fresh.data / "secret_key").stat().st_mode & 0o077 == 0
    fresh.flask("prepare")
    assert (fresh.data / "secret_key").read_text().strip() == keys[0], "the key changed: everyone would be signed out"


@first
def test_a_session_signed_with_a_usual_key_is_worth_nothing(fresh: Server, seen: Seen) -> None:
    link = link_in(fresh.flask("prepare"))
    fresh.start()
    chief = Browser(fresh)
    chief.post(str(link), name="first", password=PASSWORD, again=PASSWORD)
    own = (fresh.data / "secret_key").read_text().strip()
    content = signer(own).loads(chief.cookies["session"])
    assert Browser(fresh, {"session": str(signer(own).dumps(content))}).is_inside, "the test's own way of signing"
    for key in KEYS:
        assert not Browser(fresh, {"session": str(signer(key).dumps(content))}).is_inside, key
    invented = {**content, "_user_id": "1"}
    assert not Browser(fresh, {"session": str(signer(own).dumps(invented))}).is_inside, "a number was taken for a token"
    seen(f"{len(KEYS)} usual keys: none opens")


def signer(key: str) -> URLSafeTimedSerializer:
    """Signs session cookies as Flask does."""
    app = Flask("signer")
    app.secret_key = key or "empty"
    made = SecureCookieSessionInterface().get_signing_serializer(app)
    assert made is not None
    return made
