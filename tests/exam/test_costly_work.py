"""Work that costs a server much and whoever asks for it little: drawings, files made of endless pieces."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from tests.exam import load, watching
from tests.exam.footprint import worker_of
from tests.exam.marks import exam
from tests.factories import pictures
from tests.factories.server import Server

pytestmark = pytest.mark.alone

Seen = Callable[[str], None]
SIDE = (4900, 4950)  # width, height: 24 megapixels


def large(seed: int) -> bytes:
    """A picture of 24 megapixels with a lesion, each seed another one."""
    small = Image.fromarray(pictures.ultrasound(seed, "oval", 495, 490))
    return pictures.encoded(np.asarray(small.resize(SIDE, Image.Resampling.BILINEAR)), compress_level=1)


@pytest.fixture(scope="module")
def overlay(server: Server) -> str:
    """The address of the overlay of a picture of 24 megapixels."""
    status, answer = server.upload(large(3))
    assert (status, answer["status"]) == (201, "done"), answer
    return str(answer["links"]["overlay"])


class Answers:
    """How long answers of quick addresses took meanwhile, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def figures(self) -> str:
        return f"median {statistics.median(self.seconds) * 1000:.0f} ms, slowest {max(self.seconds) * 1000:.0f} ms"


@contextmanager
def asked(server: Server, path: str, every_s: float = 0.1) -> Iterator[Answers]:
    """Inside, an address is asked for again and again; each has to answer 200."""
    found, stopping = Answers(), threading.Event()

    def work() -> None:
        while not stopping.is_set():
            started = time.monotonic()
            assert server.get(path)[0] == 200
            found.seconds.append(time.monotonic() - started)
            stopping.wait(every_s)

    with ThreadPoolExecutor(1) as asker:
        asking = asker.submit(work)
        try:
            yield found
        finally:
            stopping.set()
        asking.result()


def _statuses(server: Server, path: str, count: int) -> tuple[Counter[int], float]:
    """What so many requests at once are answered, and for how many seconds."""
    started = time.monotonic()
    with ThreadPoolExecutor(count) as people:
        statuses = Counter(status for status, _ in people.map(lambda _: server.get(path), range(count)))
    return statuses, time.monotonic() - started


@exam(
    "S4",
    given="12 requests at once for the overlay of a picture of 24 megapixels, and an upload beside them (before: "
    "2,500 MB, a database connection each, and the analysis timed out)",
    expected="Drawn, or 503 with Retry-After; less than 400 MiB more; `/health/live` within 1 s; the upload is read",
)
def test_overlays_of_a_large_picture_are_drawn_in_turns(server: Server, overlay: str, seen: Seen) -> None:
    server.get(overlay)
    before, (factor, busy) = watching.memory(server), load.slack()
    with ThreadPoolExecutor(1) as person:
        with watching.watched(server, 0.02) as found, asked(server, "/health/live") as health:
            upload = person.submit(server.upload, pictures.encoded(pictures.ultrasound(17)))
            statuses, seconds = _statuses(server, overlay, 12)
        status, answer = upload.result()
    more = found.highest - before
    seen(
        f"{dict(statuses)} in {seconds:.1f} s; {more:.0f} MiB more; upload {status} {answer.get('status')}; "
        f"health {health.figures()}{busy}"
    )
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= 1
    assert more < 400
    assert (status, answer["status"]) == (201, "done")
    assert max(health.seconds) < factor


@exam(
    "S4",
    given="4 requests at once for it in its full size",
    expected="Drawn one after the other, or 503 with Retry-After; less than 400 MiB more",
)
def test_four_overlays_in_full_size_take_little_memory(server: Server, overlay: str, seen: Seen) -> None:
    server.get(overlay)
    before = watching.memory(server)
    with watching.watched(server, 0.02) as found:
        statuses, seconds = _statuses(server, f"{overlay}?size=full", 4)
    more = found.highest - before
    seen(f"{dict(statuses)} in {seconds:.1f} s; {more:.0f} MiB more")
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= 2
    assert more < 400


@exam(
    "S4",
    given="200 requests at once for it, of programs that have it already",
    expected="304 each; nothing is decoded or drawn",
)
def test_whoever_has_it_already_is_told_at_once(server: Server, overlay: str, seen: Seen) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", overlay)
    answer = connection.getresponse()
    answer.read()
    started = time.monotonic()
    for _ in range(200):
        connection.request("GET", overlay, headers={"If-None-Match": str(answer.getheader("ETag"))})
        again = connection.getresponse()
        assert (again.status, again.read()) == (304, b"")
    connection.close()
    seen(f"304 200 times in {time.monotonic() - started:.1f} s")
    assert time.monotonic() - started < 20


@exam(
    "S4",
    given="60 requests at once for it in its full size, and an upload of 24 megapixels beside them",
    expected="Drawn, or 503 `drawing_busy`; `/login` within 2 s; the upload is read; nothing is killed",
)
def test_more_requests_than_threads_leave_room_for_others(server: Server, overlay: str, seen: Seen) -> None:
    serving, (factor, busy) = worker_of(server), load.slack()
    with ThreadPoolExecutor(1) as person:
        with watching.watched(server, 0.05) as found, asked(server, "/login") as login:
            upload = person.submit(server.upload, large(4))
            statuses, seconds = _statuses(server, f"{overlay}?size=full", 60)
        status, answer = upload.result()
    seen(
        f"{dict(statuses)} in {seconds:.1f} s; {found.highest:.0f} MiB at the highest; upload {status} "
        f"{answer.get('status')}; /login {login.figures()}{busy}"
    )
    assert set(statuses) <= {200, 503}
    assert worker_of(server) == serving
    assert status in (201, 202)
    assert load.lost(server, [answer["id"]], 120) == []
    assert max(login.seconds) < 2 * factor
