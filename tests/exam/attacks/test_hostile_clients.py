"""Clients that mean harm, against the server as the image serves it: nginx in front, the product's own limits.

What each did to version 0.2.0, on two cores, stands in its row.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.exam.footprint import worker_of
from tests.exam.marks import exam
from tests.exam.senders import attackers, load
from tests.exam.senders.attackers import closing_all, connected, noticed
from tests.exam.senders.slow import body_head
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import FrontDoor

pytestmark = pytest.mark.alone

Seen = Callable[[str], None]
MOST_MS = 200.0  # p95 of `/health/live` for everybody else
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LARGEST = 52_000_000
_NUMBERS = itertools.count(500)


@pytest.fixture
def unharmed(front_door: FrontDoor) -> Iterator[FrontDoor]:
    """The server; afterwards the same process serves and reads a picture."""
    worker = worker_of(front_door)
    assert front_door.upload(encoded(ultrasound(next(_NUMBERS))))[0] in load.ACKNOWLEDGED
    yield front_door
    assert worker_of(front_door) == worker, "the serving process is another one: the old one died"
    assert front_door.upload(encoded(ultrasound(next(_NUMBERS))))[0] in load.ACKNOWLEDGED


def judged(server: FrontDoor, seconds: float, seen: Seen, what: str, times: float) -> attackers.Noticed:
    found = noticed(server, seconds)
    uploaded = server.upload(encoded(ultrasound(next(_NUMBERS))))[0]
    seen(f"{what}: {found}; an upload meanwhile {uploaded}")
    assert uploaded in load.ACKNOWLEDGED
    assert found.unanswered == 0
    assert found.p95_ms <= MOST_MS * times
    return found


@exam(
    "S1",
    given="1,000 half-open connections, 3 s later a few new ones and a byte on the oldest (0.2.0: the serving process "
    "died with everything in flight)",
    expected="The same process serves on; others are answered within 200 ms (p95)",
)
def test_a_thousand_half_open_connections_end_nobody(unharmed: FrontDoor, seen: Seen) -> None:
    times, note = load.slack()
    before = noticed(unharmed, 2)
    half = [connected(unharmed, 1 + number % 4) for number in range(1000)]
    with closing_all(half):
        for connection in half[::2]:
            connection.sendall(LIVE[:20])
        time.sleep(3)
        with closing_all([connected(unharmed, 1) for _ in range(20)]) as new:
            for connection in new:
                connection.sendall(LIVE)
            answered = Counter(attackers.status_of(connection) for connection in new)
            ended = sum(not attackers.sent(connection, (b"x",)) for connection in half[:10])
            judged(unharmed, 4, seen, f"before {before.p95_ms:.0f} ms; beside them{note}", times)
    seen(f"20 new ones: {dict(answered)}; of the 10 oldest {ended} had been ended when the byte came")
    assert answered == {200: 20}


@exam(
    "S2",
    given="50 connections with a receive buffer of 4 kB ask for a picture of 4 MB in full and never read (0.2.0: "
    "`/health/live` dead until they closed, memory 547 to 1,650 MB)",
    expected="Others are answered within 200 ms (p95); at most 400 MiB more; who never reads is ended after 30 s",
)
@pytest.mark.parametrize("seconds", [5, pytest.param(45, marks=pytest.mark.long)])
def test_who_never_reads_holds_up_nobody(seconds: int, unharmed: FrontDoor, seen: Seen) -> None:
    times, note = load.slack()
    pixels = ultrasound(next(_NUMBERS), "oval", 2400, 2700)
    pixels = np.clip(pixels.astype(np.int16) + np.random.default_rng(1).integers(-6, 7, pixels.shape), 0, 255)
    status, study = unharmed.upload(encoded(pixels.astype(np.uint8)))
    assert status in load.ACKNOWLEDGED
    path = f"/r/{study['id']}/picture.png?size=full"
    size = len(unharmed.get(path)[1])
    before = noticed(unharmed, 2)
    with closing_all([connected(unharmed, receive_bytes=4096) for _ in range(50)]) as deaf:
        for connection in deaf:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(1)
        refused = sum(_has_come(one) and one.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 503" for one in deaf)
        what = f"{size / 1e6:.1f} MB each, {refused} of 50 refused at once; "
        what += f"before {before.p95_ms:.0f} ms, {before.memory_mib:.0f} MiB; beside them{note}"
        found = judged(unharmed, seconds, seen, what, times)
        held = unharmed.held("answers")
        if seconds > 30:
            assert held == [], "some who never read are still waited for"
    seen(f"after {seconds} s {len(held)} answers are held")
    assert found.memory_mib - before.memory_mib <= 400


@exam(
    "S3",
    given="20 POSTs of 52 MB from each of one and of two addresses, each one byte short (0.2.0: 503 to every request, "
    "health too, for up to 55 minutes)",
    expected="Others are answered within 200 ms (p95) and their pictures are read, behind the same address too; what "
    "is held stays below SPOOL_MB; who stands still is ended after 30 s",
)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("seconds", [5, pytest.param(40, marks=pytest.mark.long)])
def test_uploads_that_lack_a_byte_hold_up_nobody(count: int, seconds: int, unharmed: FrontDoor, seen: Seen) -> None:
    times, note = load.slack()
    before = noticed(unharmed, 2)
    body = bytes(1 << 20)
    sizes = [len(body)] * (LARGEST // len(body)) + [LARGEST % len(body) - 1]
    with closing_all([connected(unharmed, 1 + number % count) for number in range(20 * count)]) as short:
        for connection in short:
            connection.sendall(body_head("/api/v1/studies", LARGEST))
        time.sleep(0.5)
        taken = [connection for connection in short if not _has_come(connection)]
        for connection in taken:
            assert attackers.sent(connection, (body[:size] for size in sizes))
        what = f"{count} address(es), {len(taken)} of {len(short)} taken, the others refused at once; before "
        what += f"{before.p95_ms:.0f} ms, {before.memory_mib:.0f} MiB; beside them{note}"
        judged(unharmed, seconds, seen, what, times)
        same = _upload_from(unharmed, 1)
        held = unharmed.held("bodies")
        if seconds > 30:
            ended = Counter(attackers.status_of(connection) for connection in taken)
            seen(f"after {seconds} s {ended[0]} of them were closed")
            assert ended == {0: len(taken)}
            assert held == []
        else:
            assert len(held) == len(taken)
    seen(f"held {sum(held) / 1e6:.0f} MB; a picture from the same address: {same}")
    assert same in load.ACKNOWLEDGED
    assert sum(held) < 1024e6


def _has_come(connection: socket.socket) -> bool:
    """True when there is an answer already."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(attackers.PATIENCE_S)


def _upload_from(server: FrontDoor, number: int) -> int:
    """Status of an honest upload from the attacker's own address."""
    picture = encoded(ultrasound(next(_NUMBERS)))
    body = b'--exam-boundary\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture
    body += b"\r\n--exam-boundary--\r\n"
    with connected(server, number) as connection:
        connection.sendall(body_head("/api/v1/studies", len(body)).replace(b"Host: x", b"Host: x\r\nConnection: close"))
        connection.sendall(body)
        return attackers.status_of(connection, 30)


@exam(
    "S6",
    given="1, then 20 connections that send a body in chunks of one byte as fast as they can (0.2.0: `/health/live` "
    "from 1 to 524 ms, and dead)",
    expected="Others are answered within 200 ms (p95)",
)
@pytest.mark.parametrize("count", [1, 20])
def test_chunks_of_one_byte_hold_up_nobody(count: int, unharmed: FrontDoor, seen: Seen) -> None:
    times, note = load.slack()
    before = noticed(unharmed, 2)
    stopping, pieces = threading.Event(), b"1\r\nx\r\n" * 20_000
    head = body_head("/api/v1/studies", 1).replace(b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n")
    sent = [0] * count

    def attack(place: int) -> None:
        while not stopping.is_set():
            with connected(unharmed, 1 + place % 4) as connection:
                if not attackers.sent(connection, (head,)):
                    continue
                while not stopping.is_set() and attackers.sent(connection, (pieces,)):
                    sent[place] += len(pieces)

    with attackers.in_threads([threading.Thread(target=attack, args=(place,)) for place in range(count)], stopping):
        time.sleep(1)
        judged(unharmed, 6, seen, f"{count}: before {before.p95_ms:.0f} ms; beside them{note}", times)
    seen(f"{count}: {sum(sent) / 6e6:.0f} million chunks were sent")
