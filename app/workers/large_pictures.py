"""One room for large pictures, whatever is done with them: to read or to draw one takes hundreds of megabytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

LARGE_PIXELS = 4_000_000

_room = threading.Lock()


@contextmanager
def room(is_large: bool) -> Iterator[None]:
    """Inside, what is large is alone; what is not goes on beside it."""
    if not is_large:
        yield
        return
    with _room:
        yield


def is_taken() -> bool:
    """Whether somebody is in it."""
    return _room.locked()
