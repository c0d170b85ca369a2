"""What is freed goes back to the system, so that one large picture does not make the process large for good."""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of glibc's mallopt(3)
LARGE_BYTES = 4_000_000
ARENAS = 2  # by itself, glibc gives every thread a store of freed memory


def return_large_blocks() -> bool:
    """Have blocks above LARGE_BYTES given back when they are freed; False where the C library has no such switch.

    By itself, glibc takes a large block that was freed for a sign to keep such blocks, up to 32 MB each. To be called
    before threads are started.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return sys.platform == "linux" and all((mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES), mallopt(_M_ARENA_MAX, ARENAS)))
