"""Does something when work takes too long. One thread looks after all deadlines; timers would be a thread each.

What is done then must be short: until it is done, no other deadline is looked after, and nobody can set one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

log = logging.getLogger(__name__)


@contextmanager
def limited(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Call `act`, in another thread, when the block takes longer than that. Once it has ended, it is not called."""
    deadline = _Deadline(time.monotonic() + seconds, act)
    _deadlines.begin(deadline)
    try:
        yield
    finally:
        _deadlines.forget(deadline)


@dataclass(frozen=True, eq=False)
class _Deadline:
    moment: float  # of the monotonic clock
    act: Callable[[], None]


class _Deadlines:
    def __init__(self) -> None:
        self._under_way: set[_Deadline] = set()
        self._changed = threading.Condition()
        self._next: float | None = None  # when the thread looks again; None while it waits for a deadline
        self._thread: threading.Thread | None = None

    def begin(self, deadline: _Deadline) -> None:
        with self._changed:
            self._under_way.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            if self._next is None or deadline.moment < self._next:
                self._changed.notify()

    def forget(self, deadline: _Deadline) -> None:
        """The thread is not woken: when it looks again, there is one less."""
        with self._changed:
            self._under_way.discard(deadline)

    def _run(self) -> None:
        with self._changed:
            while True:
                late = self._late()
                self._under_way -= late
                for deadline in late:
                    _act(deadline)

    def _late(self) -> set[_Deadline]:
        """Wait until there are some, or until one is set or the first might have been late."""
        now = time.monotonic()
        late = {deadline for deadline in self._under_way if deadline.moment <= now}
        if not late:
            self._next = min((deadline.moment for deadline in self._under_way), default=None)
            self._changed.wait(None if self._next is None else self._next - now)
        return late


def _act(deadline: _Deadline) -> None:
    try:
        deadline.act()
    except Exception:  # the others must be looked after, whatever this one does
        log.exception("deadline")


_deadlines = _Deadlines()
if hasattr(os, "register_at_fork"):  # a child has none of its parent's deadlines, and no thread that looks after them
    os.register_at_fork(after_in_child=_deadlines.__init__)  # type: ignore[misc]
