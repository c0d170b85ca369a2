"""Counters of the rate limits, in memory, for many threads at once."""

from __future__ import annotations

import threading

from limits.storage import MemoryStorage


class RateCounters(MemoryStorage):
    """As the library's own, with one lock around a count.

    Without it two threads can start the same timer (limits 5.8.0, `MemoryStorage.__schedule_expiry`): one of the
    requests then fails, about one in some thousands when sixty-four clients upload at once.
    """

    STORAGE_SCHEME = ["rate-counters"]  # noqa: RUF012 - as the library declares it

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str) -> None:
        self._counting = threading.Lock()
        super().__init__(uri, wrap_exceptions, **options)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, and return the sum so far. `expiry`: seconds until a counter begins anew."""
        with self._counting:
            return super().incr(key, expiry, amount)
