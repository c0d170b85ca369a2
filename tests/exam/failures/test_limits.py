"""Too little memory and too few open files: the server says so, lives on, and recovers."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from tests.exam import watching
from tests.exam.conftest import Launch
from tests.exam.footprint import worker_of
from tests.exam.fuzzing import oracle
from tests.exam.marks import exam
from tests.exam.senders import load
from tests.factories import pictures
from tests.factories.server import Server

MEMORY_MIB = 1024
FILES, CLIENTS = 128, 500


@exam(
    "F32",
    given="20 pictures of 25 megapixels at once, where a container has 1 GB of memory (BATCH_SIZE=1) and is busy",
    expected="Read or refused with 429 or 503; server and decoders together never take more than 1 GiB",
)
@pytest.mark.long
def test_many_large_pictures_at_once_stay_within_the_memory(launch_door: Launch, seen: Callable[[str], None]) -> None:
    server, contents = launch_door(BATCH_SIZE="1", SPOOL_MB="200").start(), [_large(seed) for seed in range(4)]
    load.closed(server, 8, 10, load.Scans())
    worker, answers = worker_of(server), list[load.Sent]()

    def send(number: int) -> None:
        now = time.monotonic()
        answers.append(load.upload(server, contents[number % 4], now, now, timeout_s=180))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    with watching.watched(server, 0.02) as found:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        verdict = oracle.examine(server, [one.image_id for one in answers if one.status in load.ACKNOWLEDGED], 300)
    run = load.Run(tuple(answers), max(one.seconds for one in answers))
    seen(f"{run.figures()}; at most {found.highest:.0f} MiB; {verdict}")
    assert {one.status for one in answers} <= {200, 201, 202, 429, 503}
    assert run.acknowledged
    assert verdict.faults == []
    assert worker_of(server) == worker
    assert found.highest <= MEMORY_MIB


def _large(seed: int) -> bytes:
    """An RGBA picture of 25 megapixels: of all kinds the one that takes most."""
    small = Image.fromarray(pictures.ultrasound(seed, "oval", 500, 500))
    grey = np.asarray(small.resize((5000, 5000), Image.Resampling.BILINEAR))
    return pictures.encoded(np.dstack([grey, grey, grey, np.maximum(grey, 128)]), compress_level=1)


@exam(
    "F33",
    given=f"{CLIENTS} clients that keep their connections, where the server may open {FILES} files",
    expected="200, 503 or a closed connection, never another 5xx; all is as before within 20 s after they have gone",
)
@pytest.mark.long
def test_too_few_files_are_survived(launch_door: Launch, seen: Callable[[str], None]) -> None:
    with _few_files(FILES):
        server = launch_door().start()
    worker = worker_of(server)
    clients = [_Client(server) for _ in range(CLIENTS)]
    try:
        answers = Counter(client.ask() for client in clients)
        beside = server.upload(pictures.encoded(pictures.ultrasound(1)))[0]
        answers += Counter(client.ask() for client in clients)
    finally:
        for client in clients:
            client.close()
    started = time.monotonic()
    while server.get("/health/ready")[0] != 200 and time.monotonic() - started < 20:
        time.sleep(0.2)
    recovered_s = time.monotonic() - started
    after = server.upload(pictures.encoded(pictures.ultrasound(2)))
    verdict = oracle.examine(server, [after[1]["id"]])
    seen(f"{dict(answers)}, an upload meanwhile {beside}; well again after {recovered_s:.1f} s; {verdict}")
    assert set(answers) <= {200, 503, 0}
    assert answers[200] >= CLIENTS // 10
    assert beside in (0, 200, 201, 202, 503)
    assert after[0] == 201
    assert verdict.faults == []
    assert worker_of(server) == worker


@contextmanager
def _few_files(most: int) -> Iterator[None]:
    """Inside, processes are started with a limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class _Client:
    """A client that keeps its connection open, whatever the server does."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), 10)
        self._socket.settimeout(0.5)

    def ask(self) -> int:
        """Status of `/health/live`; 0 when the connection is closed or nothing comes yet."""
        try:
            self._socket.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = self._socket.recv(65_536)
        except OSError:
            return 0
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0

    def close(self) -> None:
        self._socket.close()
