"""Typed places through the operator's Nominatim, where NOMINATIM_URL is set; None means: answer offline.

The page waits 0.9 seconds at most. The request itself goes on for up to three, in the one thread that sends requests,
and its answer is remembered for the next person who types the same.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path
from threading import Lock

from flask import current_app

from app.places import nominatim
from app.places.folding import fold
from app.places.nominatim import BadAddress, NoAnswer
from app.places.place import Resolution
from app.places.turnstile import Turnstile

PATIENCE_S = 0.9
PAUSE_S = 1.0  # Nominatim's usage policy: one request a second for the whole application
MAX_REMEMBERED = 1000
MAX_WAITING = 3
FAILURES_TO_OPEN = 2
OPEN_S = 60.0
REFUSED_OPEN_S = 900.0

log = logging.getLogger(__name__)
_making = Lock()


class Breaker:
    """Stops asking a server that fails: a minute after two failures in a row, 15 minutes after a refusal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = float("-inf")

    @property
    def is_open(self) -> bool:
        return self._clock() < self._open_until

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, is_refusal: bool) -> None:
        self._failures += 1
        if is_refusal:
            self._open_until = self._clock() + REFUSED_OPEN_S
        elif self._failures >= FAILURES_TO_OPEN:
            self._open_until = self._clock() + OPEN_S


class Geocoder:
    """One Nominatim: its memory, its breaker, and the thread that asks it."""

    def __init__(self, address: str, turnstile_file: Path) -> None:
        self._client = nominatim.client(address)
        self._turnstile = Turnstile(turnstile_file, PAUSE_S)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nominatim")
        self._lock = Lock()
        self._remembered: OrderedDict[str, Resolution] = OrderedDict()
        self._waiting: dict[str, Future[Resolution | None]] = {}
        self.breaker = Breaker()

    def look_up(self, text: str) -> Resolution | None:
        """The places of a text; None when the server doesn't know it or gives no answer in time."""
        key = fold(text)
        with self._lock:
            known = self._remembered.get(key)
            if known is not None:
                self._remembered.move_to_end(key)
                return known if known.matches else None
            future = self._waiting.get(key) or self._ask_later(key, text)
        if future is None:
            return None
        try:
            resolution = future.result(timeout=PATIENCE_S)
        except TookTooLong:
            return None
        return resolution if resolution and resolution.matches else None

    def _ask_later(self, key: str, text: str) -> Future[Resolution | None] | None:
        """Queue a request; None while the server is out of favour or others wait already. Called under the lock."""
        if self.breaker.is_open or len(self._waiting) >= MAX_WAITING:
            return None
        future = self._waiting[key] = self._executor.submit(self._ask, key, text)
        return future

    def _ask(self, key: str, text: str) -> Resolution | None:
        """In the thread: take the turn, ask, remember. The typed text is never logged."""
        resolution = None
        try:
            if not self.breaker.is_open:
                self._turnstile.wait()
                resolution = nominatim.ask(self._client, text)
                self.breaker.succeeded()
        except (NoAnswer, OSError) as error:
            self.breaker.failed(isinstance(error, NoAnswer) and error.is_refusal)
            log.warning("Nominatim gave no answer: %s", error)
        finally:
            with self._lock:
                self._waiting.pop(key, None)
                if resolution is not None:
                    self._remember(key, resolution)
        return resolution

    def _remember(self, key: str, resolution: Resolution) -> None:
        self._remembered[key] = resolution
        while len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    def close(self) -> None:
        """Let no further request start."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def is_configured() -> bool:
    """True when typed places leave the server; the page has to say so."""
    return bool(current_app.config["NOMINATIM_URL"])


def look_up(text: str) -> Resolution | None:
    """Ask the operator's Nominatim; None when there is none, or no answer."""
    geocoder = _geocoder() if is_configured() else None
    return geocoder.look_up(text) if geocoder else None


def _geocoder() -> Geocoder | None:
    """The application's geocoder, made at its first use (after any fork); None when its address is unusable."""
    with _making:
        if "sonotriage.geocoder" not in current_app.extensions:
            try:
                made = Geocoder(current_app.config["NOMINATIM_URL"], current_app.config["DATA_DIR"] / "nominatim.turn")
            except BadAddress as error:
                log.warning("%s; places are looked up offline", error)
                made = None
            current_app.extensions["sonotriage.geocoder"] = made
        found: Geocoder | None = current_app.extensions["sonotriage.geocoder"]
        return found
