"""Forms that somebody else's site sends, and addresses that are only looked at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from tests.exam.footprint import footprint
from tests.exam.marks import exam
from tests.exam.route_table import Route
from tests.exam.senders.browser_client import Answer, Browser
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

EVIL = "https://evil.example"
Untouched = Callable[[], AbstractContextManager[None]]
csrf = exam(
    "B51",
    given="Forms sent without a token, with a made-up, an outdated or another person's one",
    expected="403 `form_expired` with the advice to reload; nothing of the file is kept",
)
reading = exam(
    "B53",
    given="Acts asked for by GET; requests that a page of another site sends",
    expected="405 with nothing changed; no header that lets another site read the answer",
)


def token_of_age(server: Server, browser: Browser, seconds: int) -> str:
    """A token as this server would have signed it `seconds` ago for this browser."""

    class Earlier(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(datetime.now(UTC).timestamp()) - seconds

    key = (server.data / "secret_key").read_text().strip()
    plain = URLSafeTimedSerializer(key, salt="wtf-csrf-token").loads(browser.get("/").token)
    return str(URLSafeTimedSerializer(key, salt="wtf-csrf-token", signer=Earlier).dumps(plain))


def sent(browser: Browser, token: str, seed: int) -> Answer:
    return browser.send([("picture", "a.png", encoded(ultrasound(seed)))], token=token)


@csrf
@pytest.mark.parametrize("kind", ["none", "made up", "outdated", "another person's"])
def test_an_upload_needs_a_fresh_token_of_its_own(
    server: Server, untouched: Untouched, seen: Callable[[str], None], kind: str
) -> None:
    browser = Browser(server)
    browser.get("/")
    token = {
        "none": "",
        "made up": "IjAwMDAi.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "outdated": token_of_age(server, browser, 3 * 3600),
        "another person's": Browser(server).get("/").token,
    }[kind]
    with untouched():
        answer = sent(browser, token, 51)
        told = browser.ask("POST", "/", b"", {"Accept": "application/json"})
    assert answer.status == 403
    assert "Reload" in answer.text
    assert b'"code":"form_expired"' in told.content
    seen(f"{kind}: {answer.status} {told.content.decode()[:24]}...")


@csrf
def test_the_same_form_with_its_own_token_is_taken(server: Server) -> None:
    browser = Browser(server)
    browser.get("/")
    assert sent(browser, token_of_age(server, browser, 60), 52).status == 303


@csrf
def test_no_form_of_any_address_works_without_its_token(
    server: Server, chief: Browser, routes: list[Route], seen: Callable[[str], None]
) -> None:
    forms = [route for route in routes if "POST" in route.methods and not route.endpoint.startswith("api.")]
    before = footprint(server)
    for route in forms:
        for browser in (Browser(server), chief):
            answer = browser.post(route.path(), token="", name="x", role="admin", password="long enough words")
            assert answer.status == 403, f"{route.rule}: {answer.status}"
            assert "Reload" in answer.text, route.rule
    assert footprint(server) == before
    assert chief.is_inside, "a form without a token signed the admin out"
    assert len(forms) >= 10
    seen(f"{len(forms)} forms, as visitor and as admin: 403")


@reading
def test_acts_are_not_done_by_looking(server: Server, chief: Browser, routes: list[Route], seen: Callable) -> None:
    status, image = server.upload(encoded(ultrasound(53)))
    assert status == 201
    before = footprint(server)
    acts = [route for route in routes if route.changing and "GET" not in route.methods]
    refused = 0
    for route in acts:
        if any(other.rule == route.rule and "GET" in other.methods for other in routes):
            continue  # the address also shows something: see the next test
        for method in ("GET", "HEAD"):
            answer = chief.ask(method, route.path(image_id=image["id"]))
            assert answer.status == 405, f"{method} {route.rule}: {answer.status}"
            assert method not in answer.headers["Allow"]
            refused += 1
    assert refused >= 10
    seen(f"{refused} GET and HEAD requests to {refused // 2} addresses of acts: 405")
    assert footprint(server) == before


@reading
def test_looking_at_every_address_changes_nothing(server: Server, chief: Browser, routes: list[Route]) -> None:
    status, image = server.upload(encoded(ultrasound(54)))
    assert status == 201
    before = footprint(server)
    looked = 0
    for route in routes:
        if "GET" in route.methods:
            looked += chief.get(route.path(image_id=image["id"]) + "?confirm=yes&_method=DELETE").status == 200
    assert looked >= 20
    assert footprint(server) == before
    assert chief.is_inside


@reading
def test_another_site_may_read_nothing_and_ask_for_nothing(
    server: Server, routes: list[Route], seen: Callable[[str], None]
) -> None:
    asked = 0
    preflight = {"Origin": EVIL, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x"}
    for route in routes:
        for method in ("GET", "OPTIONS"):
            answer = Browser(server).ask(method, route.path(), headers=preflight)
            assert not [name for name in answer.headers if name.lower().startswith("access-control")], route.rule
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", route.rule
            asked += 1
    seen(f"{asked} requests with Origin {EVIL}: no Access-Control header")
