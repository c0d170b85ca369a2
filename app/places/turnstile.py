"""At most one passage in a while, for all processes that share a data folder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

try:
    import fcntl
except ImportError:  # Windows: the product runs as one process there, the thread lock is enough
    fcntl = None  # type: ignore[assignment]


class Turnstile:
    """Keeps the time of the last passage in a small file, under a lock."""

    def __init__(self, path: Path, pause_s: float) -> None:
        self._path = path
        self._pause_s = pause_s
        self._thread_lock = Lock()

    def wait(self) -> None:
        """Return when the last passage is at least `pause_s` ago, and count this one.

        Raises:
            OSError: the file can't be written.
        """
        with self._thread_lock, self._locked_file() as descriptor:
            now = time.time()
            # A clock that was set back must not close the turnstile for long.
            time.sleep(min(self._pause_s, max(0.0, _last(descriptor) + self._pause_s - now)))
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{time.time():020.6f}".encode("ascii"))

    @contextmanager
    def _locked_file(self) -> Iterator[int]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # released by close
            yield descriptor
        finally:
            os.close(descriptor)


def _last(descriptor: int) -> float:
    with suppress(ValueError):
        return float(os.read(descriptor, 64))
    return 0.0
