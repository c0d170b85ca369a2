"""Whether the queue has room for another picture, without asking the database for each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

COUNTED_FOR_S = 1.0


class QueueRoom:
    """Places in the queue. Of those that were counted, each picture takes one; when none is left, it is counted anew.

    A count does not see those that are being taken in at that moment, so there may be as many more as that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limit = self._left = 0
        self._counted_at = float("-inf")

    def take(self, limit: int, count: Callable[[], int]) -> bool:
        """Take a place; False when there is none.

        Args:
            limit: most pictures that may wait. count: how many do.
        """
        with self._lock:
            is_old = time.monotonic() - self._counted_at > COUNTED_FOR_S
            if is_old or self._left <= 0 or limit != self._limit:
                self._limit, self._left, self._counted_at = limit, limit - count(), time.monotonic()
            self._left -= 1
            return self._left >= 0
