"""Does something when work takes too long. One thread looks after all deadlines; timers would be a thread each.

What is done then must be short: until it is done, no other deadline is looked after, and nobody can set one. It may ask
for more time.
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
def limited(seconds: float, act: Callable[[], float | None]) -> Iterator[None]:
    """Call `act`, in another thread, when the block takes longer than that. Once it has ended, it is not called.

    Args:
        act: gives None, or in how many seconds it wants to be called again if the block goes on.
    """
    deadline = _Deadline(time.monotonic() + seconds, act)
    _deadlines.begin(deadline)
    try:
        yield
    finally:
        _deadlines.forget(deadline)


@dataclass(eq=False)
class _Deadline:
    moment: float  # of the monotonic clock
    act: Callable[[], float | None]


class _Deadlines:
    def __init__(self) -> None:
        self._under_way: set[_Deadline] = set()
        self._changed = threading.Condition()
        self._next: float | None = None  # when the thread looks again; None while it waits for a deadline
        self._thread: threading.Thread | None = None

    def begin(self, deadline: _Deadline) -> None:
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                thread.start()
                self._thread = thread
            self._under_way.add(deadline)
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
                for deadline in late:
                    more_s = _act(deadline)
                    if more_s is None:
                        self._under_way.discard(deadline)
                    else:
                        deadline.moment = time.monotonic() + more_s

    def _late(self) -> set[_Deadline]:
        """Wait until there are some, or until one is set or the first might have been late."""
        now = time.monotonic()
        late = {deadline for deadline in self._under_way if deadline.moment <= now}
        if not late:
            self._next = min((deadline.moment for deadline in self._under_way), default=None)
            self._changed.wait(None if self._next is None else self._next - now)
        return late


def _act(deadline: _Deadline) -> float | None:
    try:
        return deadline.act()
    except Exception:  # the others must be looked after, whatever this one does
        log.exception("deadline")
        return None


_deadlines = _Deadlines()
if hasattr(os, "register_at_fork"):  # a child has none of its parent's deadlines, and no thread that looks after them
    os.register_at_fork(after_in_child=_deadlines.__init__)  # type: ignore[misc]
