"""nginx and gunicorn as one: both are started, watched and told what we are told, and neither outlives the other."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable
from pathlib import Path

from server import nginx_lines
from server.processes import Child, adopt, reap

NGINX_S = 30.0  # a little more than what nginx gives requests under way
GUNICORN_S = 15.0  # once nginx has ended nothing is under way any more
AT_ONCE_S = 3.0  # to end at once, before it is done by force
LOOK_S = 0.05  # between two looks at what tells us nothing by itself
_WATCHED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD)

log = logging.getLogger("server")


class Pair:
    """gunicorn, and nginx in front of it.

    Args:
        start_gunicorn: starts it.
        start_nginx: starts it with this file descriptor as its standard error.
        socket: where gunicorn listens; nginx starts once it does.
    """

    def __init__(self, start_gunicorn: Callable[[], Child], start_nginx: Callable[[int], Child], socket: Path) -> None:
        self._start_nginx, self._socket = start_nginx, socket
        self._stops = 0
        self._rest = b""
        self._selector = selectors.DefaultSelector()
        self._awake, wake_up = os.pipe()
        for end in (self._awake, wake_up):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
        self._selector.register(self._awake, selectors.EVENT_READ, self._take_signals)
        for number in _WATCHED:
            signal.signal(number, _noted)
        adopt()
        self._children = [start_gunicorn()]

    def watch(self) -> int:
        """Until we are asked to stop, or one of both ends; returns our exit status."""
        self._open_front()
        while self._goes_on():
            self._wait(None)
        ended = next((child for child in self._children if not child.runs), None)
        if self._stops or ended is None:
            self._stop()
            return max(child.status or 0 for child in self._children)
        log.error("%s ended by itself with status %d: stopping", ended.name, ended.status)
        self._stop()
        return ended.status or 1

    def _goes_on(self) -> bool:
        return not self._stops and all(child.runs for child in self._children)

    def _open_front(self) -> None:
        while self._goes_on() and not self._socket.exists():
            self._wait(LOOK_S)
        if self._goes_on():
            lines, writing = os.pipe()
            self._selector.register(lines, selectors.EVENT_READ, lambda: self._take_lines(lines))
            self._children.insert(0, self._start_nginx(writing))
            os.close(writing)

    def _stop(self) -> None:
        """nginx first: it takes no new request and ends those under way, which gunicorn answers meanwhile."""
        is_whole = all(child.runs for child in self._children)
        for child in self._children:
            is_nginx = child.name == "nginx"
            child.send(signal.SIGQUIT if is_nginx else signal.SIGTERM)
            patience_s = (NGINX_S if is_whole else 0.0) if is_nginx else GUNICORN_S
            if not self._has_ended(child, patience_s):
                child.send(signal.SIGTERM if is_nginx else signal.SIGQUIT)
            if not self._has_ended(child, AT_ONCE_S):
                child.end_all()
            while child.runs:
                self._wait(LOOK_S)

    def _has_ended(self, child: Child, patience_s: float) -> bool:
        """True once it and what it started have ended. Who asks twice to stop cuts the patience short."""
        deadline = time.monotonic() + patience_s
        while (is_left := child.has_left_any()) and self._stops < 2 and time.monotonic() < deadline:
            self._wait(LOOK_S)
        return not is_left

    def _wait(self, timeout_s: float | None) -> None:
        for key, _ in self._selector.select(timeout_s):
            key.data()

    def _take_signals(self) -> None:
        for number in os.read(self._awake, 256):
            if number == signal.SIGCHLD:
                reap(self._children)
            elif number == signal.SIGHUP:
                for child in self._children:
                    child.send(signal.SIGHUP)
            else:
                self._stops += 1

    def _take_lines(self, lines: int) -> None:
        found = os.read(lines, 65536)
        if not found:  # nginx and all its processes are gone
            self._selector.unregister(lines)
        *whole, self._rest = (self._rest + found).split(b"\n")
        for line in whole:
            level, said = nginx_lines.cut(line.decode(errors="replace"))
            logging.getLogger("nginx").log(logging.getLevelName(level), said)


def _noted(_number: int, _frame: object) -> None:
    """The wake-up pipe tells of it."""
