"""Guessing passwords, and sending more than one address may."""

from __future__ import annotations

import html
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders.browser_client import PASSWORD, Browser, add_user, admin
from tests.factories.server import Server

pytestmark = pytest.mark.alone

Seen = Callable[[str], None]
guessing = exam(
    "B60",
    given="1,000 wrong passwords for one user; 1,000 users with one password",
    expected="It slows down, then 429 with Retry-After; the owner still gets in from a browser of theirs; an unknown "
    "user looks and takes as long as a known one",
)


@pytest.fixture
def open_server(launch: Launch, tiny_models: Path) -> Server:
    """No limit per address: what slows is the counting per name."""
    return launch("names", tiny_models, LOGINS_PER_MINUTE="1000000").start()


@guessing
@pytest.mark.parametrize("tries", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_one_user_s_password_can_t_be_tried_out(open_server: Server, tries: int, seen: Seen) -> None:
    owner = admin(open_server, "owner")
    owner.post("/logout")
    guesser = Browser(open_server)
    token = guesser.get("/login").token
    started = time.monotonic()
    answers = [guesser.post("/login", token, name="owner", password=f"wrong words {number}") for number in range(tries)]
    seconds = time.monotonic() - started
    tested = sum(answer.status == 401 for answer in answers)
    slowed = [answer for answer in answers if answer.status == 429]
    assert tested + len(slowed) == tries
    # Five are free; then each waits twice as long as the one before it, so a minute lets five or six more through.
    assert 5 <= tested <= 7 + int(seconds).bit_length()
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in slowed)
    assert guesser.post("/login", token, name="owner", password=PASSWORD).status == 429, "guessing right got in"
    assert owner.log_in("owner").status == 302, "the owner was locked out by a stranger"
    assert owner.is_inside
    seen(f"{tries} wrong passwords in {seconds:.0f} s: {tested} compared, {len(slowed)} times 429; the owner got in")


@guessing
def test_an_unknown_user_is_answered_like_a_known_one(open_server: Server, seen: Seen) -> None:
    chief = admin(open_server, "known0")
    for number in range(1, 9):
        add_user(chief, f"known{number}", "reviewer")
    stranger = Browser(open_server)
    token = stranger.get("/login").token
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    pages: dict[str, set[str]] = {"known": set(), "unknown": set()}
    for number in range(9):
        for kind in times:
            name = f"{kind}{number}"
            started = time.monotonic()
            answer = stranger.post("/login", token, name=name, password="not the right words")
            times[kind].append(time.monotonic() - started)
            assert answer.status == 401
            pages[kind].add(without_what_differs(answer.text, name))
    assert pages["known"] == pages["unknown"]
    assert len(pages["known"]) == 1
    known, unknown = (statistics.median(times[kind]) * 1000 for kind in ("known", "unknown"))
    assert 1 / 3 < unknown / known < 3, f"known {known:.0f} ms, unknown {unknown:.0f} ms"
    seen(f"median {known:.0f} ms for a known and {unknown:.0f} ms for an unknown user, the same page")


def without_what_differs(page: str, name: str) -> str:
    """A page without the token and the name that was typed."""
    page = re.sub(r'name="csrf_token"[^>]*>', "", html.unescape(page))
    return page.replace(name, "NAME")


@guessing
@pytest.mark.parametrize("tries", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_one_password_can_t_be_tried_on_many_users(launch: Launch, tiny_models: Path, tries: int, seen: Seen) -> None:
    """With the limit per address as shipped: ten in a minute, whatever the names and the headers say."""
    server = launch("addresses", tiny_models, LOGINS_PER_MINUTE="10").start()
    stranger = Browser(server)
    token = stranger.get("/login").token
    started, statuses = time.monotonic(), []
    for number in range(tries):
        forged = {"X-Forwarded-For": f"198.51.100.{number % 250}", "X-Real-IP": f"203.0.113.{number % 250}"}
        body = f"csrf_token={token}&name=user{number}&password=Winter2026!!".encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", **forged}
        answer = stranger.ask("POST", "/login", body, headers)
        statuses.append(answer.status)
        if answer.status == 429:
            assert 0 < int(answer.headers["Retry-After"]) <= 60
    minutes = 1 + int((time.monotonic() - started) // 60)
    assert statuses[:10] == [401] * 10
    assert set(statuses[10:]) <= {401, 429}
    assert statuses.count(401) <= 10 * (minutes + 1)
    assert statuses.count(429) >= tries - 10 * (minutes + 1)
    assert Browser(server).get("/").status == 200, "the rest of the server closed too"
    seen(f"{tries} users: {statuses.count(401)} compared, {statuses.count(429)} times 429")


@guessing
def test_the_page_and_the_json_interface_count_one_address_s_uploads_together(
    launch: Launch, tiny_models: Path, seen: Seen
) -> None:
    server = launch("uploads", tiny_models, UPLOADS_PER_MINUTE="6").start()
    browser = Browser(server)
    token = browser.get("/").token
    started = time.monotonic()
    statuses = []
    for _ in range(5):
        statuses.append(browser.send([], token=token).status)
        statuses.append(server.upload(b"")[0])
    answer = browser.send([], token=token)
    assert time.monotonic() - started < 50, "the minute was over before the test"
    assert statuses == [400, 422] * 3 + [429] * 4
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    told = browser.ask("POST", "/api/v1/studies", b"")
    assert (told.status, b'"code":"rate_limited"' in told.content) == (429, True)
    assert browser.get("/").status == 200
    seen(f"6 allowed: {statuses}")
