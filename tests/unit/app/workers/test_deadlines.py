"""What is done when work takes too long, and that nothing is done when it does not."""

from __future__ import annotations

import os
import threading
import time

from app.workers import deadlines


def test_work_that_takes_too_long_is_acted_on_once_and_before_it_ends() -> None:
    done = threading.Event()
    acted: list[str] = []
    with deadlines.limited(0.05, lambda: (acted.append("late"), done.set())[0]):
        assert done.wait(10)
    time.sleep(0.1)
    assert acted == ["late"]


def test_work_that_ends_in_time_is_left_alone() -> None:
    acted: list[str] = []
    for _ in range(50):
        with deadlines.limited(0.1, lambda: acted.append("late")):
            pass
    time.sleep(0.2)
    assert acted == []


def test_a_shorter_deadline_is_met_while_a_longer_one_waits() -> None:
    done = threading.Event()
    with deadlines.limited(60, lambda: None), deadlines.limited(0.05, done.set):
        assert done.wait(10)
    assert [thread.name for thread in threading.enumerate()].count("deadlines") == 1


def test_more_time_may_be_asked_for() -> None:
    asked: list[float] = []
    done = threading.Event()

    def act() -> float | None:
        asked.append(time.monotonic())
        if len(asked) < 3:
            return 0.05
        done.set()
        return None

    with deadlines.limited(0.05, act):
        assert done.wait(10)
    time.sleep(0.2)
    assert len(asked) == 3


def test_one_that_fails_does_not_keep_the_others_from_being_met() -> None:
    def fail() -> None:
        raise RuntimeError("can't start new thread")

    done = threading.Event()
    with deadlines.limited(0.05, fail), deadlines.limited(0.1, done.set):
        assert done.wait(10)


def test_deadlines_are_met_in_a_fork_too() -> None:
    with deadlines.limited(60, lambda: None):  # the thread runs, and stays behind
        child = os.fork()
    if child == 0:
        done = threading.Event()
        with deadlines.limited(0.05, done.set):
            is_met = done.wait(10)
        os._exit(0 if is_met else 1)
    assert os.waitpid(child, 0)[1] == 0
