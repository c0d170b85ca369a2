"""How faults are injected: senders that insist, workers that are killed, disks that are small."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from app.store.failpoints import VARIABLE
from tests.exam.footprint import children, worker_of
from tests.exam.fuzzing.oracle import Verdict, examine
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import ROOT, Server

TAKEN = (200, 201, 202)
DEATH = "was sent SIGKILL"


def picture(number: int, height: int = 150, width: int = 180) -> bytes:
    """A small synthetic picture of its own for every number."""
    return encoded(ultrasound(number, "oval", height, width))


def blank(number: int) -> bytes:
    """A picture that is declined: nothing but the picture itself is ever written for it."""
    return encoded(np.full((150, 120 + number), 40, dtype=np.uint8))


class Sender:
    """Sends numbered pictures like a careful client: the same key again until there is an answer.

    `acknowledged` holds the id of every number that was taken; `faults` what no client should see.
    """

    def __init__(self, server: Server, patience_s: float = 60.0, make: Callable[[int], bytes] = picture) -> None:
        self.server, self.patience_s, self.make = server, patience_s, make
        self.acknowledged: dict[int, str] = {}
        self.retries = 0
        self.faults: list[str] = []
        self.numbers = itertools.count()
        self._stopping = threading.Event()

    def once(self, number: int) -> int:
        """One try; the status, 0 when the connection broke."""
        status, answer = self.server.upload(self.make(number), **{"Idempotency-Key": f"exam-key-{number:06}"})
        if status in TAKEN:
            if self.acknowledged.setdefault(number, answer["id"]) != answer["id"]:
                self.faults.append(f"picture {number} got two ids")
        elif status not in (0, 503, 507):
            self.faults.append(f"picture {number} got {status} {answer}")
        return status

    def insist(self, number: int) -> None:
        """Send until it is taken."""
        deadline = time.monotonic() + self.patience_s
        while self.once(number) not in TAKEN:
            self.retries += 1
            if time.monotonic() > deadline:
                self.faults.append(f"picture {number} was never taken")
                return
            time.sleep(0.1)

    @contextmanager
    def busy(self, threads: int = 2, insists: Callable[[int], bool] = lambda _: True) -> Iterator[None]:
        """Inside, new pictures are sent without a pause; numbers that don't insist are given up after one try."""
        self._stopping.clear()
        running = [threading.Thread(target=self._run, args=(insists,)) for _ in range(threads)]
        for thread in running:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in running:
                thread.join()

    def wait_for(self, count: int) -> None:
        """Wait until so many pictures are acknowledged."""
        until(lambda: len(self.acknowledged) >= count)

    def _run(self, insists: Callable[[int], bool]) -> None:
        while not self._stopping.is_set():
            number = next(self.numbers)
            if insists(number):
                self.insist(number)
            else:
                self.once(number)
            time.sleep(0.05)


def deaths(server: Server) -> int:
    """How many workers gunicorn has lost to a kill so far."""
    return server.log.read_text(encoding="utf-8").count(DEATH)


def until(condition: Callable[[], bool], timeout_s: float = 60.0, pause_s: float = 0.02) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(pause_s)


def is_alive(server: Server) -> bool:
    """True when the server answers at all."""
    return server.get("/health/live")[0] == 200


def kill_worker(server: Server) -> None:
    """`kill -9` of the serving process alone; gunicorn starts another."""
    os.kill(worker_of(server), signal.SIGKILL)


def wait_for_worker(server: Server, other_than: int) -> None:
    """Wait for the process that takes the place of a killed one, until it answers."""
    assert server.process is not None
    main = server.gunicorn
    until(lambda: any(child != other_than for child in children(main)) and is_alive(server))


def armed(server: Server, failpoint: str | None) -> Server:
    """Start a server with a failpoint; None starts it without."""
    server.environment.pop(VARIABLE, None)
    if failpoint:
        server.environment[VARIABLE] = failpoint
    return server.start()


def sound_after_restart(server: Server, sender: Sender) -> Verdict:
    """Start again, without a failpoint: the sender saw no fault, and nothing is lost."""
    server.stop()
    verdict = examine(armed(server, None), sender.acknowledged.values())
    assert (sender.faults, verdict.faults) == ([], [])
    return verdict


def refused_start(server: Server, timeout_s: float = 60.0) -> str:
    """Start gunicorn on a data folder that it must refuse, and return what it wrote before it ended by itself."""
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--config", "gunicorn.conf.py"]
    ended = subprocess.run(command, cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=timeout_s)
    assert ended.returncode != 0
    return ended.stdout + ended.stderr


@contextmanager
def small_disk(point: Path, megabytes: int = 20) -> Iterator[Path]:
    """A memory disk of a few megabytes, mounted at a folder; the test is skipped where mounting is not permitted."""
    point.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(point))
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


def mount(*arguments: str) -> None:
    """`mount`, or skip: it takes root and the right to mount."""
    ended = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if ended.returncode != 0:
        pytest.skip(f"mounting is not permitted here: {ended.stderr.strip()}")


def fill(folder: Path) -> Path:
    """Write a file until the disk below a folder is full."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler
