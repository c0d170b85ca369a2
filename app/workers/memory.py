"""What is freed of a large picture goes back to the system; what the next picture of usual size needs stays at hand."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of glibc's mallopt(3)
LARGE_BYTES = 4_000_000
KEPT_BYTES = 16_000_000  # by itself, glibc keeps 128 KB: a usual picture would get a thousand pages anew
ARENAS = 2  # by itself, glibc gives every thread a store of freed memory
# The thresholds, for processes that are started.
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": str(LARGE_BYTES), "MALLOC_TRIM_THRESHOLD_": str(KEPT_BYTES)}


def keep_little() -> bool:
    """Have blocks above LARGE_BYTES given back when they are freed, and of the rest what is above KEPT_BYTES.

    By itself, glibc takes a large block that was freed for a sign to keep such blocks, up to 32 MB each. To be called
    before threads are started.

    Returns:
        False where the C library has no such switches.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = {_M_MMAP_THRESHOLD: LARGE_BYTES, _M_TRIM_THRESHOLD: KEPT_BYTES, _M_ARENA_MAX: ARENAS}
    return sys.platform == "linux" and all(mallopt(switch, value) for switch, value in wanted.items())
