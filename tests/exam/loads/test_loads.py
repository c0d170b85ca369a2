"""Uploads at once: latency of one client, throughput, far too many, and slow ones beside."""

from __future__ import annotations

import http.client
import itertools
import socket
import time
from collections.abc import Callable

import pytest

from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders import load
from tests.factories.server import FrontDoor, Server

pytestmark = pytest.mark.alone

long = pytest.mark.long


@exam(
    "L1",
    given="One client sends pictures of a megapixel, one after the other",
    expected="Result after at most 0.40 s (median) and 0.80 s (p95)",
)
@pytest.mark.parametrize("count", [6, pytest.param(200, marks=long)])
def test_one_client_has_its_result_at_once(count: int, server: Server, seen: Callable[[str], None]) -> None:
    times, note = load.slack()
    scans = load.Scans()
    load.closed(server, 1, 60, scans, most=3)
    run = load.closed(server, 1, 600, scans, most=count)
    seen(run.figures() + note)
    assert {one.status for one in run.sent} == {201}
    assert load.lost(server, run.acknowledged, 60) == []
    if count >= 100:
        assert run.answered_in(0.5) <= 0.40 * times
        assert run.answered_in(0.95) <= 0.80 * times


@exam(
    "L2",
    given="Six clients send pictures of a megapixel without pause",
    expected="At least 4 pictures a second from upload to result; none lost",
)
@pytest.mark.parametrize("seconds", [5, pytest.param(600, marks=long)])
def test_the_server_keeps_its_throughput(seconds: int, server: Server, seen: Callable[[str], None]) -> None:
    times, note = load.slack()
    run = load.closed(server, 6, seconds, load.Scans())
    rate = len(run.acknowledged) / run.seconds
    lost = load.lost(server, run.acknowledged, 60)
    seen(f"{rate:.1f} pictures a second; {run.figures()}; {len(lost)} lost{note}")
    assert lost == []
    assert not run.refused
    if seconds >= 60:
        assert rate >= 4 / times


@exam(
    "L3",
    given="Five times more pictures than the server can read",
    expected="All acknowledged ones are read; the others are refused within 1 s (p95) with 429 or 503 and Retry-After",
)
@pytest.mark.parametrize(
    ("seconds", "settings"), [(5, {"QUEUE_LIMIT": "16"}), pytest.param(600, {}, marks=long)], ids=["short", "long"]
)
def test_far_too_many_pictures_are_refused_and_none_is_lost(
    seconds: int, settings: dict[str, str], launch: Launch, seen: Callable[[str], None]
) -> None:
    times, note = load.slack()
    server, scans = launch(**settings).start(), load.Scans()
    warm = load.closed(server, 6, min(5, seconds), scans)
    rate = 5 * len(warm.acknowledged) / warm.seconds
    ready = [scans() for _ in range(200)]
    pictures = itertools.cycle(ready)
    run = load.open_loop(server, rate, seconds, lambda: next(pictures))
    lost = load.lost(server, run.acknowledged, 300)
    slowest = load.quantile([one.seconds for one in run.refused], 0.95)
    seen(f"{rate:.0f} a second: {run.figures()}; refused in p95 {slowest * 1000:.0f} ms; {len(lost)} lost{note}")
    assert lost == []
    assert run.refused, "never too many: the load was too small to show anything"
    assert {one.status for one in run.refused} <= {429, 503}
    assert all(one.has_retry_after for one in run.refused)
    assert slowest <= 1.0 * times


@exam(
    "L6",
    given="200 clients at eight addresses whose uploads trickle in, a byte a second",
    expected="`/health/live` answers others within 200 ms (p95)",
)
@pytest.mark.parametrize("seconds", [6, pytest.param(90, marks=long)])
def test_slow_clients_do_not_slow_the_others(seconds: int, front_door: FrontDoor, seen: Callable[[str], None]) -> None:
    times, note = load.slack()
    server, clients = front_door, [_slow_client(front_door, number) for number in range(200)]
    try:
        taken = list[float]()
        until = time.monotonic() + seconds
        trickled = time.monotonic()
        while time.monotonic() < until:
            if time.monotonic() - trickled >= 1:
                trickled = time.monotonic()
                clients = [client for client in clients if _trickle(client)]
            taken.append(_seconds_until_alive(server))
            time.sleep(0.1)
    finally:
        for client in clients:
            client.close()
    p95 = load.quantile(taken, 0.95)
    seen(f"{len(taken)} asked, p50 {load.quantile(taken, 0.5) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms{note}")
    assert p95 <= 0.2 * times


def _slow_client(server: Server, number: int) -> socket.socket:
    """From one of eight addresses: each may have as many uploads under way."""
    client = socket.create_connection(("127.0.0.1", server.port), 10, (f"127.0.2.{1 + number % 8}", 0))
    client.sendall(
        b"POST /api/v1/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    return client


def _trickle(client: socket.socket) -> bool:
    """Send one more byte; False when the server has closed the connection."""
    try:
        client.sendall(b"C")
    except OSError:
        client.close()
        return False
    return True


def _seconds_until_alive(server: Server) -> float:
    """Seconds until `/health/live` answers; the whole patience of 10 s when it does not."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
    except OSError:
        return 10.0
    finally:
        connection.close()
    return time.monotonic() - started
