"""Many people wait for their answers at once, and the worker still gets to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from flask import Flask

from app.reading import analysis, intake
from app.reading.intake import Actor
from app.store.database import CONNECTIONS
from app.tables import Image
from app.web.extensions import db
from app.workers import tasks
from app.workers.services import services
from imaging.picture import Picture


@pytest.fixture
def image_id(app: Flask, scan: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> str:
    """An image in the queue of a worker that does not run."""
    monkeypatch.setattr(tasks.Worker, "wake", lambda _self, has_queued=False: None)
    with app.app_context():
        return intake.receive(scan(1), Actor("1" * 64, "visitor")).image_id


def test_more_waiters_than_connections_don_t_keep_the_worker_from_working(app: Flask, image_id: str) -> None:
    def wait() -> Image | None:
        with app.app_context():
            return tasks.wait(image_id, 20)

    count = sum(CONNECTIONS.values()) + 8
    with ThreadPoolExecutor(count) as people, app.app_context():
        waiting = [people.submit(wait) for _ in range(count)]
        time.sleep(0.2)
        started = time.monotonic()
        analysis.analyse(list(tasks.lease(4, 120)))
        assert time.monotonic() - started < 15, "the worker waited for a connection"
        assert all(one.result() for one in waiting)


def test_whoever_waits_is_woken_by_their_own_answer(app: Flask, image_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "IDLE_S", 30.0)  # nobody looks by themselves
    worker = services_worker(app)

    def wait() -> Image | None:
        with app.app_context():
            return tasks.wait(image_id, 20)

    with ThreadPoolExecutor(1) as person, app.app_context():
        waiting = person.submit(wait)
        while image_id not in worker._watched:
            time.sleep(0.01)
        assert worker._read_queued() == 1
        assert waiting.result(timeout=10)
        assert worker._watched == {}


def test_a_wait_ends_with_its_time(app: Flask, image_id: str) -> None:
    with app.app_context():
        assert not tasks.wait(image_id, 0.05)
        db.session.rollback()


def test_what_is_being_read_is_not_looked_at_before_it_is_done_with(
    app: Flask, image_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "IDLE_S", 30.0)  # nobody looks by themselves
    worker = services_worker(app)
    worker._is_serving = True
    looks: list[bool] = []
    with app.app_context():
        assert worker.offer(image_id, Picture(np.zeros((64, 64), dtype=np.uint8), "png"))
        assert worker.is_reading(image_id)
        monkeypatch.setattr(db.session, "get", lambda *_, **__: looks.append(True))
        assert tasks.wait(image_id, 0) is None
    assert looks == []
    worker._announce([image_id])
    assert not worker.is_reading(image_id)


def test_a_reading_that_breaks_off_is_announced_all_the_same(app: Flask, image_id: str) -> None:
    def break_off(_offers: object) -> None:
        raise RuntimeError

    worker = services_worker(app)
    worker._is_serving = True
    worker._work = replace(worker._work, analyse_early=break_off)
    with app.app_context():
        worker.offer(image_id, Picture(np.zeros((64, 64), dtype=np.uint8), "png"))
        with worker.watching(image_id) as finished, pytest.raises(RuntimeError):
            worker._read_offered()
        assert finished.is_set()
        assert not worker.is_reading(image_id)


def services_worker(app: Flask) -> tasks.Worker:
    with app.app_context():
        return services().worker
