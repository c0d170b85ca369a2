"""Turns at costly work, and how many threads may wait for one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.workers.turns import Crowd, NoTurn, Turns, crowd


def test_a_free_turn_is_taken_whoever_waits() -> None:
    turns = Turns(2)
    with crowd.joined(1), turns.taken(0, 0), turns.taken(0, 0), pytest.raises(NoTurn), turns.taken(1, 20):
        pass


def test_a_turn_is_free_again_afterwards_also_after_an_error() -> None:
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError), turns.taken(0, 0):
        raise ZeroDivisionError
    with turns.taken(0, 0):
        pass


def test_whoever_waits_gets_the_next_turn() -> None:
    turns = Turns(1)

    def wait() -> bool:
        with turns.taken(1, 20):
            return True

    with ThreadPoolExecutor(1) as person:
        with turns.taken(0, 0):
            waiting = person.submit(wait)
            while not crowd.size:
                pass
        assert waiting.result(timeout=20)
    assert crowd.size == 0


def test_a_wait_ends_with_its_time() -> None:
    turns = Turns(1)
    with turns.taken(0, 0), pytest.raises(NoTurn), turns.taken(1, 0.01):
        pass
    assert crowd.size == 0


def test_the_crowd_counts_whoever_waits_for_anything() -> None:
    one = Crowd()
    with one.joined(2) as first, one.joined(2) as second, one.joined(2) as third:
        assert (first, second, third, one.size) == (True, True, False, 3)
    assert one.size == 0
