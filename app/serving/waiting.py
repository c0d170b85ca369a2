"""Waiting for an answer costs a thread of the server, so only half of them may do it at once; the others come back."""

from __future__ import annotations

import math
import threading

from flask import current_app

from app.tables import Image
from app.workers import tasks

ASK_AGAIN = {"Retry-After": "1"}  # seconds: each question costs a few milliseconds that the pictures waited for need
GLANCE_S = 0.3  # a lone picture is read within it: a browser is led to the result, and no waiting page flashes up

_lock = threading.Lock()
_waiting = 0


def until_finished(image_id: str, most_s: float = math.inf) -> Image | None:
    """Wait until an image is finished: the image when it is, else None. No waiting while too many do.

    Args:
        most_s: for how many seconds, unless WAIT_S is less.
    """
    global _waiting
    with _lock:
        is_crowded = _waiting >= max(1, current_app.config["WEB_THREADS"] // 2)
        _waiting += 1
    try:
        return tasks.wait(image_id, 0 if is_crowded else min(current_app.config["WAIT_S"], most_s))
    finally:
        with _lock:
            _waiting -= 1
