"""Failpoints: off without the variable, exact with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from app.store import failpoints
from tests.factories.server import ROOT

PASSES = "from app.store import failpoints\nfor n in range(3): print(n, flush=True); failpoints.reached('inference')"


def passes(value: str | None) -> tuple[int, str]:
    """Exit status and output of a process that comes to one failpoint three times."""
    environment = {name: text for name, text in os.environ.items() if name != failpoints.VARIABLE}
    if value is not None:
        environment[failpoints.VARIABLE] = value
    ended = subprocess.run([sys.executable, "-c", PASSES], cwd=ROOT, env=environment, capture_output=True, text=True)
    return ended.returncode, ended.stdout


def test_nothing_happens_without_the_variable_or_at_another_place() -> None:
    assert passes(None) == passes("") == passes("before-commit") == (0, "0\n1\n2\n")


def test_the_process_dies_at_the_named_time() -> None:
    assert passes("inference") == (-signal.SIGKILL, "0\n")
    assert passes("inference:3") == (-signal.SIGKILL, "0\n1\n2\n")


def test_it_waits_from_the_named_time_on(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr(failpoints, "_wanted", failpoints._read("inference:2:1.5"))
    for _ in range(3):
        failpoints.reached(failpoints.INFERENCE)
    assert waited == [1.5, 1.5]
