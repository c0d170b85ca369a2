"""The rate limits count right, whoever counts at the same time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.web.extensions import limiter
from app.web.rate_counters import RateCounters

CALLS, THREADS = 6000, 32


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads change hands as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_many_threads_may_count_at_once() -> None:
    counters = RateCounters()
    with ThreadPoolExecutor(THREADS) as pool:
        sums = list(pool.map(lambda _: counters.incr("uploads", 60), range(CALLS)))
    assert sorted(sums) == list(range(1, CALLS + 1))


@pytest.mark.usefixtures("app")
def test_the_server_counts_with_them() -> None:
    assert isinstance(limiter.storage, RateCounters)
