"""Clients that are slow on purpose or break off: they cost a place in a list, never a thread of the server."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.exam.marks import exam
from tests.exam.senders.person import BOUNDARY, multipart
from tests.exam.senders.slow import asked, body_head, p95, slow_clients
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import FrontDoor, Server

pytestmark = pytest.mark.alone

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]
KINDS = {"body": 130, "chunks": 4, "head": 46, "silent": 20}
ENDED = {"body": 100, "chunks": 4, "still": 36, "head": 40, "silent": 20}


@pytest.fixture(scope="module")
def server(front_door: FrontDoor) -> FrontDoor:
    """Slow clients are nginx's part."""
    return front_door


@exam(
    "B32",
    given="200 connections from eight addresses that send a byte a second",
    expected="Others are answered as quickly as before",
)
def test_others_notice_nothing_of_slow_clients(server: Server, untouched: Untouched, seen: Seen) -> None:
    server.upload(encoded(ultrasound(1)))
    before = {path: asked(server, path, 40) for path in ("/health/live", "/")}
    with slow_clients(server, KINDS) as clients:
        time.sleep(2)
        during = {path: asked(server, path, 40) for path in ("/health/live", "/")}
        started = time.monotonic()
        status = server.upload(encoded(ultrasound(int(time.time()) % 10_000)))[0]
        uploaded = time.monotonic() - started
    assert status in (200, 201, 202)
    for path in before:
        assert p95(during[path]) < p95(before[path]) + 0.5, f"{path}: p95 {p95(during[path]):.2f} s"
        seen(f"{path}: p95 {p95(before[path]) * 1000:.0f} ms before, {p95(during[path]) * 1000:.0f} ms beside them")
    seen(f"an upload beside {clients.count} slow connections: {status} in {uploaded:.1f} s")


@exam(
    "B32",
    given="200 that trickle or stand still, for a minute",
    expected="Who stands still is ended: a head after 15 s, a body after 30 s; who trickles costs nobody else anything",
)
@pytest.mark.long
def test_who_stands_still_is_ended(server: Server, untouched: Untouched, seen: Seen) -> None:
    with untouched(), slow_clients(server, ENDED) as clients:
        until, latencies = time.monotonic() + 60, list[float]()
        while time.monotonic() < until:
            latencies += asked(server, "/health/live", 5, 0.1)
    statuses = Counter((kind, status) for kind, _, status in clients.answers)
    assert statuses == {("still", 0): ENDED["still"], ("head", 0): ENDED["head"], ("silent", 0): ENDED["silent"]}
    for kind, least, most in (("still", 28, 40), ("head", 13, 25), ("silent", 13, 25)):
        after = [seconds for found, seconds, _ in clients.answers if found == kind]
        assert least < min(after) <= max(after) < most, kind
        seen(f"{kind}: ended after {min(after):.0f} to {max(after):.0f} s")
    assert p95(latencies) < 1
    seen(f"/health/live meanwhile: p95 {p95(latencies) * 1000:.0f} ms")


@exam(
    "B32",
    given="An upload that comes in pieces, slowly, yet steadily",
    expected="Taken in: only standing still is ended",
)
@pytest.mark.parametrize("pieces", [4])
def test_a_slow_line_is_not_cut_off(server: Server, seen: Seen, pieces: int) -> None:
    body = multipart([("file", "a.png", encoded(ultrasound(77)))])
    size = len(body) // pieces + 1
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(body_head("/api/v1/studies", len(body)))
        for start in range(0, len(body), size):
            time.sleep(1)
            connection.sendall(body[start : start + size])
        status = int(connection.recv(4096).split()[1])
    assert status in (201, 202)
    seen(f"{status} after {pieces} s of sending")


@exam("B33", given="A client that is gone at half of its upload", expected="Nothing is kept, no temporary file stays")
@pytest.mark.parametrize("door", ["/api/v1/studies", "/"])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_client_that_drops_leaves_nothing(
    server: Server, untouched: Untouched, seen: Seen, door: str, end: str
) -> None:
    body = multipart([("file", "a.png", encoded(ultrasound(78)) + bytes(4_000_000))], BOUNDARY)
    with untouched():
        for _ in range(10):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            connection.sendall(body_head(door, len(body)) + body[: len(body) // 2])
            if end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        time.sleep(1.5)
        assert asked(server, "/health/live", 3)
    left = list(server.data.rglob("*.tmp"))
    assert left == []
    assert server.get("/health/ready")[0] == 200
    seen(f"{door}, {end}: 10 times, {len(left)} temporary files")
