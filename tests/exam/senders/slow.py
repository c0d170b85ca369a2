"""Many clients that send a byte a second, and what everybody else notices of them."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.exam.senders.person import BOUNDARY
from tests.factories.server import Server

START = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode()
    + b"\x89PNG\r\n\x1a\n"
)


def body_head(door: str, length: int) -> bytes:
    """The head of an upload of which `length` bytes are to come."""
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
    lines = [f"POST {door} HTTP/1.1", "Host: x", "Accept: application/json", kind, f"Content-Length: {length}", "", ""]
    return "\r\n".join(lines).encode()


@dataclass
class SlowClients:
    """`answers`: kind, seconds after which it was answered or closed, and status (0 for a close without words)."""

    count: int
    answers: list[tuple[str, float, int]] = field(default_factory=list)


@contextmanager
def slow_clients(server: Server, kinds: dict[str, int]) -> Iterator[SlowClients]:
    """Open connections of each kind, from eight addresses, and feed each a byte a second as long as this lasts.

    Args:
        kinds: how many that are slow in their "body", slow in their "chunks", slow in their "head", "still" ones that
            send half a body and no more, and "silent" ones.
    """
    clients, over = SlowClients(sum(kinds.values())), threading.Event()
    feeder = threading.Thread(target=_feed, args=(server, kinds, clients, over))
    feeder.start()
    try:
        yield clients
    finally:
        over.set()
        feeder.join()


def _feed(server: Server, kinds: dict[str, int], clients: SlowClients, over: threading.Event) -> None:
    selector, started = selectors.DefaultSelector(), time.monotonic()
    for kind, count in kinds.items():
        for number in range(count):
            own = (f"127.0.2.{1 + number % 8}", 0)
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=10, source_address=own)
            connection.sendall(_first(kind, number))
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, kind)
    fed = time.monotonic()
    while not over.is_set():
        for key, _ in selector.select(0.1):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            clients.answers.append((key.data, time.monotonic() - started, _status(connection)))
            selector.unregister(connection)
            connection.close()
        if time.monotonic() - fed >= 1:
            fed = time.monotonic()
            for key in list(selector.get_map().values()):
                _one_more(key)
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]


def _first(kind: str, number: int) -> bytes:
    door = "/api/v1/studies" if number % 2 else "/"
    if kind in ("body", "still"):
        return body_head(door, 1_000_000) + START
    if kind == "chunks":
        head = body_head(door, 1).replace(b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n")
        return head + f"{len(START):x}\r\n".encode() + START + b"\r\n"
    return b"GET /health/live HTTP/1.1\r\nX-Slow: " if kind == "head" else b""


def _one_more(key: selectors.SelectorKey) -> None:
    piece = {"body": b"\0", "chunks": b"1\r\n\0\r\n", "head": b"x"}.get(key.data, b"")
    with contextlib.suppress(OSError):  # answered or closed: the next look finds it
        key.fileobj.send(piece)  # type: ignore[union-attr]


def _status(connection: socket.socket) -> int:
    try:
        words = connection.recv(65536).split()
    except OSError:
        return 0
    return int(words[1]) if len(words) > 1 else 0


def asked(server: Server, path: str, times: int, pause_s: float = 0.05) -> list[float]:
    """Seconds that each of `times` GETs took, each on a connection of its own; every one must be answered."""
    seconds = []
    for _ in range(times):
        started = time.monotonic()
        assert server.get(path)[0] == 200
        seconds.append(time.monotonic() - started)
        time.sleep(pause_s)
    return seconds


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]
