"""Hands an image to the in-process worker, which leases rows: the row is the queue, so nothing waits in memory.

One worker at a time, whatever the number of processes: the one that holds the lock file. The kernel frees the lock
when its process dies, so a row still marked as running when the lock is taken belongs to nobody and is taken up again.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from flask import Flask, current_app
from sqlalchemy import or_, select, update
from sqlalchemy.orm import joinedload

from app import categories
from app.store.database import writing
from app.tables import Image
from app.tables.image import FAILED, QUEUED, RUNNING
from app.tables.moment import now
from app.web import observability
from app.web.extensions import db
from app.workers.early import Offer, Offers
from imaging.picture import Picture

log = logging.getLogger(__name__)

ATTEMPTS = 3
BATCH_PIXELS = 16_000_000  # four pictures of the largest size at once would take half a gigabyte
IDLE_S = 1.0  # longest sleep of an idle worker
LOOK_S = 1.0  # how often it looks for rows of other processes, put-back rows and expired leases, busy or not
REST_S = 5.0  # pause after a failure of ours, so that a broken model or disk is not hammered
HOUSEKEEPING_S = 3600.0
_WITH_READING = (joinedload(Image.analyses),)  # whoever waited for an image shows it next
OFFERED_BATCHES = 16  # so many wait in memory; each that goes the long way is decoded twice and leased in a transaction


def start(image_id: str) -> None:
    """Have a queued image analysed soon. Calling twice changes nothing."""
    current_app.extensions["sonotriage"].worker.wake(has_queued=True)


def offer(image_id: str, picture: Picture) -> Offer | None:
    """Have a picture read while its row is still being written; None when the worker is busy, or is elsewhere.

    The caller writes the row as leased (`lease_to`) and settles the offer in any case.
    """
    worker: Worker = current_app.extensions["sonotriage"].worker
    return worker.offer(image_id, picture)


def lease_to(image: Image) -> None:
    """Mark a row that is not written yet as leased to the worker that reads its picture already."""
    image.status, image.attempts = RUNNING, 1
    image.lease_until = now() + timedelta(seconds=current_app.config["LEASE_S"])


def wait(image_id: str, timeout_s: float) -> Image | None:
    """Wait until an image is no longer queued or running: the image then; None when it takes longer, or was deleted."""
    worker: Worker = current_app.extensions["sonotriage"].worker
    deadline = time.monotonic() + timeout_s
    with worker.watching(image_id) as finished:  # before the first look, so that nothing happens in between
        is_looked_at = not worker.is_reading(image_id)  # what is being read can't be finished: no need to look
        while True:
            db.session.rollback()
            image = db.session.get(Image, image_id, options=_WITH_READING) if is_looked_at else None
            if image is not None and image.status not in (QUEUED, RUNNING):
                return image
            db.session.rollback()  # whoever waits holds no connection: the worker needs one to end the waiting
            left = deadline - time.monotonic()
            if left <= 0 or (is_looked_at and image is None):
                return None
            finished.wait(min(left, IDLE_S))  # another process may be the one that works
            finished.clear()
            is_looked_at = True


@dataclass(frozen=True)
class Work:
    """What the worker calls: it is handed in, because those who read and tidy up know the worker, too."""

    analyse: Callable[[Sequence[str]], None]
    analyse_early: Callable[[Sequence[Offer]], None]
    sweep: Callable[[], None]


class Worker:
    """A thread that leases queued rows in small batches and has them analysed."""

    def __init__(self, app: Flask, work: Work) -> None:
        self._app = app
        self._work = work
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._watched: dict[str, list[threading.Event]] = {}
        self._reading: set[str] = set()  # images that were offered, until whoever watches them is told
        self._watching = threading.Lock()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._offers = Offers(most=OFFERED_BATCHES * app.config["BATCH_SIZE"])
        self._is_serving = False  # True while this process holds the lock
        self._has_queued = True  # rows may wait in the database

    def start(self) -> None:
        """Start the thread, once; to be called in the process that serves, after fork."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name="analysis", daemon=True)
                self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Let the present batch end, then stop."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def wake(self, has_queued: bool = False) -> None:
        """Look at the queue now; `has_queued` when a row was put into the database."""
        self.start()
        self._has_queued |= has_queued
        self._woken.set()

    def offer(self, image_id: str, picture: Picture) -> Offer | None:
        """See `tasks.offer`."""
        if not self._is_serving:
            return None
        with self._watching:
            made = self._offers.make(image_id, picture)
            if made is not None:
                self._reading.add(image_id)
        if made is not None:
            self._woken.set()
        return made

    def is_reading(self, image_id: str) -> bool:
        """Whether it was offered, and whoever watches it is still to be told that it is done with."""
        with self._watching:
            return image_id in self._reading

    @contextmanager
    def watching(self, image_id: str) -> Iterator[threading.Event]:
        """An event that is set when this worker has done with an image; nobody is woken for those of others."""
        event = threading.Event()
        with self._watching:
            self._watched.setdefault(image_id, []).append(event)
        try:
            yield event
        finally:
            with self._watching:
                self._watched[image_id].remove(event)
                if not self._watched[image_id]:
                    del self._watched[image_id]

    def _run(self) -> None:
        with self._app.app_context():
            lock = self._take_lock()
            if lock is None:
                return
            with lock:
                self._requeue()
                self._read_interrupted()
                self._is_serving = True
                second = threading.Thread(target=self._serve_beside, name="analysis-2", daemon=True)
                second.start()
                try:
                    self._serve(is_sweeping=True)
                finally:
                    self._is_serving = False
                    second.join()

    def _serve_beside(self) -> None:
        """A second thread: while one writes results, the other has the networks work."""
        with self._app.app_context():
            self._serve()

    def _take_lock(self) -> IO[str] | None:
        """The lock file, held; None when the worker is stopped before another process lets go of it."""
        path: Path = self._app.config["DATA_DIR"] / "worker.lock"
        while not self._stopping.is_set():
            with self._turn():
                file = path.open("w")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return file
                except BlockingIOError:
                    file.close()
                    self._stopping.wait(IDLE_S)
        return None

    def _requeue(self) -> None:
        """Put back what was under way when a process ended; tried until the database lets us."""
        while not self._stopping.is_set():
            with self._turn():
                with writing():
                    left = update(Image).where(Image.status == RUNNING).values(status=QUEUED, lease_until=None)
                    db.session.execute(left)
                return

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The outer edge of the threads: whatever goes wrong inside, the queue must go on."""
        try:
            yield
        except Exception:
            log.exception("worker")
            db.session.rollback()
            self._stopping.wait(REST_S)
        finally:
            db.session.remove()

    def _read_interrupted(self) -> None:
        """Read what was under way when a process ended, one by one and nothing beside: one may have ended it."""
        while not self._stopping.is_set():
            with self._turn():
                leased = lease(self._app.config["QUEUE_LIMIT"], self._app.config["LEASE_S"], is_interrupted=True)
                if not leased:
                    return
                self._work.analyse(leased)
                self._announce(leased)

    def _serve(self, is_sweeping: bool = False) -> None:
        swept = -HOUSEKEEPING_S  # at the start too
        looked = time.monotonic()
        while not self._stopping.is_set():
            self._woken.clear()
            with self._turn():
                if is_sweeping and time.monotonic() - swept > HOUSEKEEPING_S:  # also where there is always work
                    swept = time.monotonic()
                    self._work.sweep()
                if time.monotonic() - looked > LOOK_S:
                    looked, self._has_queued = time.monotonic(), True
                if self._read_offered() + self._read_queued() > 0:
                    continue
            self._woken.wait(IDLE_S)

    def _read_offered(self) -> int:
        """Read what was offered while the batch before ran: a lone picture never waits for others to join it."""
        offers = self._offers.take(self._app.config["BATCH_SIZE"])
        if offers:
            try:
                self._work.analyse_early(offers)
            finally:
                self._announce([offer.image_id for offer in offers])
        return len(offers)

    def _read_queued(self) -> int:
        """One batch from the database, in turn with the offers, so that neither starves the other."""
        if not self._has_queued:
            return 0
        self._has_queued = False  # before looking: a row that comes now sets it again
        leased = lease(self._app.config["BATCH_SIZE"], self._app.config["LEASE_S"])
        if leased:
            self._has_queued = True
            self._work.analyse(leased)
            self._announce(leased)
        return len(leased)

    def _announce(self, image_ids: Sequence[str]) -> None:
        with self._watching:
            self._reading.difference_update(image_ids)
            for event in (event for image_id in image_ids for event in self._watched.get(image_id, ())):
                event.set()


def lease(most: int, lease_s: int, is_interrupted: bool = False) -> Sequence[str]:
    """Take up to `most` rows that wait, oldest first; rows that failed too often are given up.

    A row that was under way when the process ended is read alone from then on: if a picture ends the process, those
    that happened to be read beside it are not given up with it.

    Args:
        is_interrupted: take such rows only.

    Returns:
        Ids of the images that are now ours until their lease ends.
    """
    moment = now()
    is_waiting = or_(Image.status == QUEUED, (Image.status == RUNNING) & (Image.lease_until < moment))
    if is_interrupted:
        is_waiting &= Image.attempts > 0
    if db.session.scalar(select(Image.id).where(is_waiting).limit(1)) is None:
        return []
    with writing():
        rows = db.session.scalars(select(Image).where(is_waiting).order_by(Image.created_at).limit(most)).all()
        given_up = [row for row in rows if row.attempts >= ATTEMPTS]
        for row in given_up:
            give_up(row)
        leased = _light_enough(_together([row for row in rows if row.attempts < ATTEMPTS]))
        for row in leased:
            row.status, row.attempts = RUNNING, row.attempts + 1
            row.lease_until = moment + timedelta(seconds=lease_s)
        return [row.id for row in leased]


def _together(rows: Sequence[Image]) -> Sequence[Image]:
    """The first rows that were never under way before; if already the first one was, that one alone."""
    return list(itertools.takewhile(lambda row: row.attempts == 0, rows)) or rows[:1]


def _light_enough(rows: Sequence[Image]) -> Sequence[Image]:
    """The first rows that together have few enough pixels for one batch; the first one always."""
    pixels = list(itertools.accumulate(row.height * row.width for row in rows))
    return [row for row, upto in zip(rows, pixels, strict=True) if row is rows[0] or upto <= BATCH_PIXELS]


def give_up(image: Image) -> None:
    """Mark an image as failed for good; the caller commits."""
    image.status, image.lease_until, image.finished_at = FAILED, None, now()
    image.reason_code, image.reason = "analysis_failed", "The analysis failed three times."
    image.category, image.urgency = categories.FAILED, categories.URGENCY[categories.FAILED]
    image.label = image.malignant = None  # of an earlier reading, which no longer stands
    observability.count_given_up()
