"""Pictures that are read while they are being kept: the disk and the networks work at the same time.

An offer holds a decoded picture in memory until the worker takes it. Its row is written meanwhile, already leased, so
that a crash at any moment leaves either no row or one that is taken up again. What is found is only stored for rows
that were kept.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from imaging.picture import Picture

SETTLED_WITHIN_S = 30.0  # longer than the database's patience; a row that comes later is found by its lease


@dataclass(eq=False)
class Offer:
    """A picture whose row is being written."""

    image_id: str
    picture: Picture
    _settled: threading.Event = field(default_factory=threading.Event)
    _is_kept: bool = False

    def settle(self, is_kept: bool) -> None:
        """Say whether the row was committed. The first word counts."""
        if not self._settled.is_set():
            self._is_kept = is_kept
            self._settled.set()

    def is_kept(self) -> bool:
        """Wait for that word; False when it does not come."""
        return self._settled.wait(SETTLED_WITHIN_S) and self._is_kept


class Offers:
    """A queue in memory, short in pixels; what does not fit goes the long way over the disk."""

    def __init__(self, most: int, most_pixels: int = 16_000_000) -> None:
        self._most, self._most_pixels = most, most_pixels
        self._waiting: deque[Offer] = deque()
        self._lock = threading.Lock()

    def make(self, image_id: str, picture: Picture) -> Offer | None:
        """Queue a picture; None when too many pictures or pixels wait already."""
        with self._lock:
            pixels = sum(offer.picture.pixels.size for offer in self._waiting) + picture.pixels.size
            if len(self._waiting) >= self._most or pixels > self._most_pixels:
                return None
            offer = Offer(image_id, picture)
            self._waiting.append(offer)
            return offer

    def take(self, most: int) -> list[Offer]:
        """The oldest offers, at most `most`."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
