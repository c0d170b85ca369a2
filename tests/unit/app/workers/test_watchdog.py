"""A reading that hangs ends the process, and the next one knows whether to leave the GPU alone."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from app.workers import watchdog
from app.workers.services import GPU_HUNG, services
from imaging.phantom import speckle
from imaging.picture import Picture

PICTURE = Picture(speckle(1, "oval", 96, 96), "png")


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """How the process would have been ended."""
    made: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "kill", lambda _process, number: made.append(("kill", number)))
    monkeypatch.setattr(os, "_exit", lambda status: made.append(("exit", status)))
    monkeypatch.setattr(watchdog, "GRACE_S", 0.0)
    return made


def hang(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)


def wait_for_the_line(until: Callable[[], bool]) -> None:
    hang(until)


def test_a_reading_that_hangs_ends_the_process_and_the_log_says_where(
    app: Flask, ends: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    app.config["INFERENCE_TIMEOUT_S"] = 0.05
    with ThreadPoolExecutor(1, "line") as lines, app.app_context(), caplog.at_level(logging.CRITICAL):
        lines.submit(hang, until=lambda: len(ends) == 2)
        with watchdog.limited(["0123ABCD"]):
            wait_for_the_line(until=lambda: len(ends) == 2)
    assert ends == [("kill", signal.SIGTERM), ("exit", 1)]
    (record,) = caplog.records
    assert vars(record)["images"] == ("0123ABCD",)
    stacks = vars(record)["stacks"]
    assert any(line.endswith(" wait_for_the_line") for line in stacks["MainThread"])
    assert any(line.endswith(" hang") for line in stacks["line_0"])


def test_a_reading_that_ends_in_time_ends_nothing(app: Flask, ends: list[tuple[str, int]]) -> None:
    app.config["INFERENCE_TIMEOUT_S"] = 0.2
    with app.app_context():
        for _ in range(20):
            with watchdog.limited():
                pass
    time.sleep(0.3)
    assert ends == []


def test_one_thread_looks_after_all_readings_and_ends_those_that_are_late(
    app: Flask, ends: list[tuple[str, int]]
) -> None:
    app.config["INFERENCE_TIMEOUT_S"] = 30.0
    with app.app_context(), watchdog.limited():  # the thread sleeps for half a minute
        app.config["INFERENCE_TIMEOUT_S"] = 0.05
        with watchdog.limited(), watchdog.limited():
            assert [thread.name for thread in threading.enumerate()].count("deadlines") == 1
            hang(until=lambda: len(ends) == 4)
    assert sorted(ends) == [("exit", 1)] * 2 + [("kill", signal.SIGTERM)] * 2


def test_only_a_reading_that_may_be_on_the_gpu_makes_the_next_process_leave_it(
    app: Flask, ends: list[tuple[str, int]]
) -> None:
    app.config["INFERENCE_TIMEOUT_S"] = 0.05
    mark = app.config["DATA_DIR"] / GPU_HUNG
    with app.app_context():
        services().engine.warm_up()
        with watchdog.limited():
            hang(until=lambda: len(ends) == 2)
        assert not mark.exists()
        services().engine._loaded = None  # as while the networks are opened
        with watchdog.limited():
            hang(until=lambda: len(ends) == 4)
        assert mark.exists()


def test_a_gpu_that_hung_leaves_the_cpu_and_what_must_run_on_a_gpu_waits(make_app: Callable[..., Flask]) -> None:
    first = make_app()
    (first.config["DATA_DIR"] / GPU_HUNG).touch()
    folders = {"DATA_DIR": first.config["DATA_DIR"], "MODELS_DIR": first.config["MODELS_DIR"]}
    engine = engine_of(make_app(**folders, PROVIDER="auto"))
    assert engine.read([PICTURE])[0].provider == "CPU"
    assert engine.gpu_failures == 1
    with pytest.raises(ModelUnusable) as refusal:
        engine_of(make_app(**folders, PROVIDER="cuda")).warm_up()
    assert refusal.value.code == "gpu_hung"


def engine_of(app: Flask) -> Engine:
    with app.app_context():
        return services().engine


def test_whoever_waits_while_tensorrt_builds_its_engines_has_the_time(
    app: Flask, ends: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config["INFERENCE_TIMEOUT_S"] = 0.05
    is_building = [True]
    monkeypatch.setattr(Engine, "is_building", property(lambda _: is_building[0]))
    with app.app_context(), watchdog.limited():
        time.sleep(0.3)
        assert ends == []
        is_building[0] = False
        hang(until=lambda: len(ends) == 2)
    assert ends == [("kill", signal.SIGTERM), ("exit", 1)]
