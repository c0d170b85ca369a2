"""Guessing a password gets slower; owners are not locked out."""

from __future__ import annotations

import pytest

from app.accounts import TooSoon
from app.accounts.slowdown import FORGOTTEN_AFTER_S, FREE_TRIES, LONGEST_WAIT_S, MOST_LANES, SlowDown


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.moment = 1000.0

    def __call__(self) -> float:
        return self.moment


def _exhaust(slowdown: SlowDown, lane: str, tries: int = FREE_TRIES) -> None:
    for _ in range(tries):
        slowdown.admit(lane)


def test_the_first_tries_are_free_then_waits_grow() -> None:
    clock = Clock()
    slowdown = SlowDown(clock)
    _exhaust(slowdown, "ada")

    waits = []
    for _ in range(12):
        with pytest.raises(TooSoon) as refusal:
            slowdown.admit("ada")
        waits.append(refusal.value.wait_s)
        clock.moment += refusal.value.wait_s
        slowdown.admit("ada")

    assert waits[:4] == [1, 2, 4, 8]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S


def test_refused_tries_do_not_prolong_the_wait() -> None:
    clock = Clock()
    slowdown = SlowDown(clock)
    _exhaust(slowdown, "ada")
    for _ in range(100):
        with pytest.raises(TooSoon):
            slowdown.admit("ada")

    clock.moment += 1
    slowdown.admit("ada")


def test_success_and_time_forgive() -> None:
    clock = Clock()
    slowdown = SlowDown(clock)
    _exhaust(slowdown, "ada")
    slowdown.succeeded("ada")
    _exhaust(slowdown, "ada")

    clock.moment += FORGOTTEN_AFTER_S + 1
    _exhaust(slowdown, "ada")


def test_one_lane_does_not_slow_another() -> None:
    slowdown = SlowDown(Clock())
    _exhaust(slowdown, "ada")
    slowdown.admit("ada 0f3c")
    slowdown.admit("grace")


def test_lanes_are_bounded() -> None:
    slowdown = SlowDown(Clock())
    for number in range(MOST_LANES + 50):
        slowdown.admit(f"name {number}")
    assert len(slowdown._lanes) == MOST_LANES
