"""Costly work takes turns, and waiting for one costs a thread of the server: so only some of the threads may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class NoTurn(Exception):
    """Too many wait already, or those at work did not end in time."""


class Crowd:
    """Counts the threads that wait, whatever for. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.size = 0

    @contextmanager
    def joined(self, most: int) -> Iterator[bool]:
        """Inside, one more waits. Yields whether there was room: fewer than `most` waited before."""
        with self._lock:
            has_room = self.size < most
            self.size += 1
        try:
            yield has_room
        finally:
            with self._lock:
                self.size -= 1


crowd = Crowd()


class Turns:
    """At most `at_once` threads inside `taken`; the others wait, as far as there is room for them."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.BoundedSemaphore(at_once)

    @contextmanager
    def taken(self, most_waiting: int, longest_s: float) -> Iterator[None]:
        """Wait for a turn and hold it.

        Args:
            most_waiting: how many threads of the server may wait for anything; beyond it, this one does not.
            longest_s: how long it waits.

        Raises:
            NoTurn: see there.
        """
        if not self._free.acquire(blocking=False) and not self._waited(most_waiting, longest_s):
            raise NoTurn
        try:
            yield
        finally:
            self._free.release()

    def _waited(self, most_waiting: int, longest_s: float) -> bool:
        with crowd.joined(most_waiting) as has_room:
            return has_room and self._free.acquire(timeout=longest_s)
