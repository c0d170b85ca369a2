"""Whoever sends files that take too long to read has to pause: each holds a decoder that honest senders wait for.

Counted in memory and never stored: by user for who is signed in, else by address.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute

from app.web.extensions import limiter

MOST = 3  # files that took too long
MINUTES = 10
_LIMIT = RateLimitItemPerMinute(MOST, MINUTES)


def left_s(payer: str | None) -> int:
    """For how many seconds a sender has to pause; 0 for who need not."""
    if payer is None or limiter.limiter.test(_LIMIT, "decode-timeout", payer):
        return 0
    return max(1, math.ceil(limiter.limiter.get_window_stats(_LIMIT, "decode-timeout", payer).reset_time - time.time()))


def is_suspect(payer: str | None) -> bool:
    """True when one of this sender's files took too long: the next ones are read one at a time."""
    return payer is not None and limiter.limiter.get_window_stats(_LIMIT, "decode-timeout", payer).remaining < MOST


def count(payer: str | None) -> None:
    """Note that a file of this sender took too long."""
    if payer is not None:
        limiter.limiter.hit(_LIMIT, "decode-timeout", payer)
