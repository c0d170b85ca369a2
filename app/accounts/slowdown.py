"""Slows the guessing of one name's password without locking its owner out.

Wrong passwords for a name make everyone wait before the next try, longer each time, up to five minutes. A browser in
which that user has logged in before has a lane of its own (the "device cookie" of OWASP), so that strangers who guess
don't keep the owner waiting. Kept in memory: a restart forgets it, and the limit per address still stands.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from app.accounts.errors import TooSoon

FREE_TRIES = 5
LONGEST_WAIT_S = 300
FORGOTTEN_AFTER_S = 3600
MOST_LANES = 10_000


@dataclass(frozen=True)
class Tries:
    """How many tries a lane has seen without success, and when the last one was (seconds of the clock)."""

    count: int
    last_s: float

    @property
    def wait_s(self) -> int:
        """How long after the last try the next one may come."""
        over = self.count - FREE_TRIES
        return 0 if over < 0 else min(2 ** min(over, 10), LONGEST_WAIT_S)


class SlowDown:
    """Tries per lane; the least recently used lane is forgotten when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lanes: OrderedDict[str, Tries] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, lane: str) -> None:
        """Let a try through and count it as failed until `succeeded`, so that simultaneous tries count too.

        Raises:
            TooSoon: the lane has to wait; the refused try is not counted.
        """
        with self._lock:
            moment = self._clock()
            tries = self._lanes.get(lane, Tries(0, moment))
            if moment - tries.last_s > FORGOTTEN_AFTER_S:
                tries = Tries(0, moment)
            left = tries.last_s + tries.wait_s - moment
            if left > 0:
                raise TooSoon(math.ceil(left))
            self._lanes[lane] = Tries(tries.count + 1, moment)
            self._lanes.move_to_end(lane)
            if len(self._lanes) > MOST_LANES:
                self._lanes.popitem(last=False)

    def succeeded(self, lane: str) -> None:
        """Forget the failed tries of a lane."""
        with self._lock:
            self._lanes.pop(lane, None)


def slowdown() -> SlowDown:
    """The slow-down of the current application."""
    found: SlowDown = current_app.extensions.setdefault("login_slowdown", SlowDown())
    return found
