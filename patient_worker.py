"""gunicorn's threaded worker, made patient: a request gets a thread when it is whole, and not before.

As it is shipped, that worker gives each connection a thread that waits for the bytes, so that as many slow clients as
there are threads stop the server for everybody. Here they wait in the poller, where each costs a socket and what it has
sent. Who stands still is told so after a minute; who only is on a slow line is not (`STEADY_BYTES_S`).

All but `handle_request` runs on the worker's main thread, so nothing there may wait: not for reading, for writing, or
for the end of a connection.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import threading
import time
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

from held_request import HeldRequest

PATIENCE_S = 60.0
STEADY_BYTES_S = 16_000  # each so many bytes earn a request one second more: 50 MB may take close to an hour
STOPPING_PATIENCE_S = 10.0  # what an upload under way gets when the server is asked to stop
LINGER_S = 2.0  # how long an ended connection is read on, and an empty one waited for by a server that stops
HELD_UPLOADS = 20  # as many uploads of the largest size may be held at once
SHEDDABLE_S = 2.0  # a connection this old and still not whole may be dropped for a new one when there is no room
PAUSE_S = 0.2  # before the next try to take connections when there are no file handles left
_READ_BYTES = 256 * 1024
REFUSAL = "patient_worker.refusal"
_NO_FILES_LEFT = (errno.EMFILE, errno.ENFILE)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

_TOO_SLOW = b"The request took too long. Check your connection and try again.\n"
_HEADERS = (
    b"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nCache-Control: no-store\r\n"
    b"X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: same-origin\r\n"
    b"Content-Security-Policy: default-src 'none'; sandbox; frame-ancestors 'none'\r\n"
)


class Held:
    """A connection whose request is coming in."""

    def __init__(self, connection: TConn, request: HeldRequest) -> None:
        self.connection, self.request = connection, request
        self.since = time.monotonic()

    @property
    def deadline(self) -> float:
        return self.since + PATIENCE_S + self.request.size / STEADY_BYTES_S


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Set `body_limit` and `folder` before gunicorn makes one."""

    body_limit = 52_000_000
    folder: Path | None = None

    wsgi: Any

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._held: dict[TConn, Held] = {}
        self._in_hand: dict[TConn, HeldRequest] = {}
        self._ended: dict[TConn, float] = {}
        self._held_bytes = 0
        self._stopping_since: float | None = None
        self._accept_after = 0.0
        self._present = threading.local()  # what the thread that runs the application is at

    def load_wsgi(self) -> None:
        """Open the application, which learns from `REFUSAL` what it can't see itself."""
        super().load_wsgi()
        application: Any = self.wsgi

        def told(environment: dict[str, Any], start_response: Any) -> Any:
            environment[REFUSAL] = self._present.request.refusal
            return application(environment, start_response)

        self.wsgi = told

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request; runs in a thread of its own."""
        self._present.request = self._in_hand[conn]
        return super().handle_request(req, conn)

    def accept(self, listener: Any) -> None:
        """Take a new connection and wait for its request, without a thread."""
        if self.nr_conns >= self.worker_connections - 1:
            self._make_room()
        try:
            socket, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_FILES_LEFT:
                self.murder_keepalived(force=True)
                self._make_room()
                self._accept_after = time.monotonic() + PAUSE_S
                self.set_accept_enabled(False)
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        self._hold(TConn(self.cfg, socket, address, listener.getsockname()))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take new connections or not; not for a moment when there were no file handles left."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._accept_after)

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """A kept-alive connection has its next request coming."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._hold(conn)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Keep the connection for the next request where that is safe, else end it without waiting for the client."""
        request = self._in_hand.pop(conn)
        self._held_bytes -= request.size
        request.close()
        is_reusable = not fs.cancelled() and fs.exception() is None and bool(fs.result()) and not request.is_cut
        if not is_reusable:
            self._end(conn)
        elif request.rest:
            self._hold(conn, request.rest)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """End what stands still; called by the worker's loop about once a second."""
        now = time.monotonic()
        if not self.alive and self._stopping_since is None:
            self._stopping_since = now
        for held in [held for held in self._held.values() if self._is_late(held, now)]:
            if held.request.has_head and self.alive:
                held.request.give_up(408)
                self._hand_over(held)  # the application says it in its own words
            else:
                status = b"408 Request Timeout" if self.alive else b"503 Service Unavailable\r\nRetry-After: 10"
                self._refuse(held, status, _TOO_SLOW if held.request.size else b"")
        for connection in [connection for connection, deadline in self._ended.items() if deadline <= now]:
            self._close(connection)

    def _is_late(self, held: Held, now: float) -> bool:
        if self._stopping_since is None:
            return held.deadline <= now
        patience = STOPPING_PATIENCE_S if held.request.size else LINGER_S  # a new one may be about to send
        return self._stopping_since + patience <= now

    def _hold(self, connection: TConn, data: bytes = b"") -> None:
        cfg = self.cfg
        head_limit = cfg.limit_request_line + cfg.limit_request_fields * (cfg.limit_request_field_size + 2) + 4
        held = Held(connection, HeldRequest(self.body_limit, head_limit, self.folder))
        self._held[connection] = held
        connection.sock.setblocking(False)
        self.poller.register(connection.sock, selectors.EVENT_READ, partial(self._on_readable, held))
        if data:
            self._take(held, data)

    def _on_readable(self, held: Held, socket: Any) -> None:
        try:
            data = socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._take(held, data)
        else:
            self._drop(held)  # the client is gone; what it had sent is forgotten

    def _take(self, held: Held, data: bytes) -> None:
        before = held.request.size
        try:
            held.request.add(data)
        except OSError as error:
            held.request.give_up(507 if error.errno in _DISK_FULL else 503)
        self._held_bytes += held.request.size - before
        if self._held_bytes > HELD_UPLOADS * self.body_limit and held.request.has_head:
            held.request.give_up(503)
        if held.request.is_whole:
            self._hand_over(held)
        elif held.request.asks_to_go_on:
            held.request.asks_to_go_on = False
            _say(held.connection, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, held: Held) -> None:
        """Give the request to a thread, which finds all of it at hand and never waits for the client."""
        connection = held.connection
        self._release(held)
        self._in_hand[connection] = held.request
        connection.parser = http.get_parser(self.cfg, held.request.blocks(), connection.client)
        connection.initialized = True
        self.enqueue_req(connection)

    def _refuse(self, held: Held, status: bytes, sentence: bytes) -> None:
        """Answer without a thread, and end the connection; an empty sentence ends it without a word."""
        if sentence:
            length = b"Content-Length: %d\r\n\r\n" % len(sentence)
            _say(held.connection, b"HTTP/1.1 " + status + b"\r\n" + _HEADERS + length + sentence)
        self._forget(held)
        self._end(held.connection)

    def _drop(self, held: Held) -> None:
        self._forget(held)
        self.nr_conns -= 1
        held.connection.close()

    def _forget(self, held: Held) -> None:
        self._release(held)
        self._held_bytes -= held.request.size
        held.request.close()

    def _release(self, held: Held) -> None:
        del self._held[held.connection]
        self.poller.unregister(held.connection.sock)

    def _make_room(self) -> None:
        """Drop the connection that has kept us waiting for longest, if it has for long enough."""
        oldest = next(iter(self._held.values()), None)
        if oldest is not None and time.monotonic() - oldest.since > SHEDDABLE_S:
            self._drop(oldest)

    def _end(self, connection: TConn) -> None:
        """Say that nothing more comes from us, and read on for a moment (RFC 9112, section 9.6)."""
        try:
            connection.sock.setblocking(False)
            connection.sock.shutdown(1)
            self.poller.register(connection.sock, selectors.EVENT_READ, partial(self._on_leftover, connection))
            self._ended[connection] = time.monotonic() + LINGER_S
        except (OSError, ValueError):
            self.nr_conns -= 1
            connection.close()

    def _on_leftover(self, connection: TConn, socket: Any) -> None:
        with contextlib.suppress(BlockingIOError, InterruptedError):
            try:
                if socket.recv(_READ_BYTES):
                    return
            except (ConnectionError, TimeoutError):
                pass
            self._close(connection)

    def _close(self, connection: TConn) -> None:
        del self._ended[connection]
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(connection.sock)
        self.nr_conns -= 1
        connection.close()


def _say(connection: TConn, words: bytes) -> None:
    """Send a few bytes; a client whose buffer is full, or who is gone, does without."""
    with contextlib.suppress(OSError):
        connection.sock.send(words)
