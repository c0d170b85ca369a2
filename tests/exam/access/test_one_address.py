"""A clinic behind one address: everybody gets in, whoever guesses does not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.exam import stock
from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders.browser_client import PASSWORD, Browser, add_user, admin
from tests.factories.server import Server

pytestmark = pytest.mark.alone

Seen = Callable[[str], None]
one_address = exam(
    "S14",
    given="Twelve, then sixty right logins from one address within a minute, and somebody there who guesses",
    expected="All of them succeed; guesses are slowed by address and by name; who was in before from a browser gets in "
    "while somebody else at the address guesses",
)
STAFF = 60


@pytest.fixture
def clinic(launch: Launch, tiny_models: Path) -> Server:
    """With the limit as it is shipped: ten failed logins a minute and address."""
    server = launch("clinic", tiny_models, LOGINS_PER_MINUTE="10").start()
    admin(server)
    stock.add_staff(server, [f"nurse{number}" for number in range(STAFF)], PASSWORD)
    return server


def log_in(server: Server, name: str) -> int:
    return Browser(server).log_in(name).status


@one_address
def test_twelve_right_logins_in_a_row_all_succeed(clinic: Server, seen: Seen) -> None:
    started = time.monotonic()
    statuses = [log_in(clinic, f"nurse{number}") for number in range(12)]
    seconds = time.monotonic() - started
    assert statuses == [302] * 12
    assert seconds < 60
    seen(f"12 logins in {seconds:.0f} s: {dict(Counter(statuses))}")


@one_address
def test_sixty_people_behind_one_address_start_their_day(clinic: Server, seen: Seen) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda number: log_in(clinic, f"nurse{number}"), range(STAFF)))
    seconds = time.monotonic() - started
    assert statuses == [302] * STAFF
    seen(f"{STAFF} logins, 12 at once, in {seconds:.0f} s: {dict(Counter(statuses))}")


@one_address
def test_who_guesses_is_slowed_and_keeps_no_colleague_out(clinic: Server, seen: Seen) -> None:
    colleague = Browser(clinic)
    assert colleague.log_in("nurse1").status == 302
    assert colleague.post("/logout").status == 302
    guesser = Browser(clinic)
    token = guesser.get("/login").token
    by_address = [guesser.post("/login", token, name=f"nurse{n}", password="Winter2026!!").status for n in range(2, 32)]
    assert by_address[:10] == [401] * 10
    assert by_address.count(429) >= 10, "thirty guesses over many names were compared"
    assert colleague.log_in("nurse1").status == 302, "somebody else's guesses kept a colleague out"
    stranger = Browser(clinic).log_in("nurse40")
    assert stranger.status == 429
    assert 0 < int(stranger.headers["Retry-After"]) <= 60
    seen(f"30 guesses: {dict(Counter(by_address))}; a colleague who was in before got in")


@one_address
def test_one_name_is_slowed_whatever_the_address_allows(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = launch("names", tiny_models, LOGINS_PER_MINUTE="1000").start()
    add_user(admin(server), "target", "reviewer")
    guesser = Browser(server)
    token = guesser.get("/login").token
    statuses = [guesser.post("/login", token, name="target", password=f"guess {n}").status for n in range(30)]
    assert statuses[:5] == [401] * 5
    assert statuses.count(401) < 15
    seen(f"30 guesses at one name: {dict(Counter(statuses))}")
