"""Clients that mean harm, from addresses of their own, and what everybody else notices of them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.exam.senders.load import quantile
from tests.exam.watching import memory
from tests.factories.server import FrontDoor

PATIENCE_S = 10.0


def connected(server: FrontDoor, number: int = 1, receive_bytes: int = 0) -> socket.socket:
    """A connection from the attacker of this number: 127.0.1.NUMBER.

    Args:
        receive_bytes: size of its receive buffer; 0 leaves it to the system.
    """
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(PATIENCE_S)
    connection.bind((f"127.0.1.{number}", 0))
    connection.connect(("127.0.0.1", server.port))
    return connection


@contextmanager
def closing_all(connections: list[socket.socket]) -> Iterator[list[socket.socket]]:
    """The same list, and all of it closed afterwards."""
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def sent(connection: socket.socket, pieces: Iterable[bytes]) -> bool:
    """Send while the server takes it; False once it does not."""
    with contextlib.suppress(OSError):
        for piece in pieces:
            connection.sendall(piece)
        return True
    return False


def status_of(connection: socket.socket, patience_s: float = PATIENCE_S) -> int:
    """Status of what comes back; 0 for nothing, or for a closed connection."""
    connection.settimeout(patience_s)
    try:
        words = connection.recv(65536).split()
    except OSError:
        return 0
    return int(words[1]) if len(words) > 1 else 0


@dataclass(frozen=True)
class Noticed:
    """What a stranger saw: seconds of each `/health/live` (the whole patience where no answer came), and memory."""

    seconds: tuple[float, ...]
    unanswered: int
    memory_mib: float

    @property
    def p95_ms(self) -> float:
        return 1000 * quantile(self.seconds, 0.95)

    def __str__(self) -> str:
        most = 1000 * max(self.seconds)
        return (
            f"`/health/live` p50 {1000 * quantile(self.seconds, 0.5):.0f} ms, p95 {self.p95_ms:.0f} ms, "
            f"at most {most:.0f} ms, {self.unanswered} of {len(self.seconds)} unanswered; "
            f"memory {self.memory_mib:.0f} MiB"
        )


def noticed(server: FrontDoor, seconds: float) -> Noticed:
    """What a stranger notices in so many seconds: new connections, one after the other.

    Memory is that of all processes, and of what nginx holds in its spool, at its highest.
    """
    taken, unanswered, most = list[float](), 0, 0.0
    until, looked = time.monotonic() + seconds, 0.0
    while time.monotonic() < until or len(taken) < 3:
        started = time.monotonic()
        if not _is_alive(server):
            unanswered += 1
        taken.append(time.monotonic() - started)
        if time.monotonic() - looked > 1:
            looked = time.monotonic()
            most = max(most, memory(server))
        time.sleep(0.05)
    return Noticed(tuple(taken), unanswered, most)


def _is_alive(server: FrontDoor) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def in_threads(works: list[threading.Thread], stopping: threading.Event) -> Iterator[None]:
    """Inside, they run; `stopping` tells them to end."""
    for work in works:
        work.start()
    try:
        yield
    finally:
        stopping.set()
        for work in works:
            work.join()
