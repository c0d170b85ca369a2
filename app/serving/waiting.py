"""Waiting for an answer costs a thread of the server, so only half of them may do it at once; the others come back."""

from __future__ import annotations

import math

from flask import current_app

from app.tables import Image
from app.workers import tasks
from app.workers.turns import crowd

ASK_AGAIN = {"Retry-After": "1"}  # seconds: each question costs a few milliseconds that the pictures waited for need
GLANCE_S = 0.3  # a lone picture is read within it: a browser is led to the result, and no waiting page flashes up


def until_finished(image_id: str, most_s: float = math.inf) -> Image | None:
    """Wait until an image is finished: the image when it is, else None. No waiting while too many do.

    Args:
        most_s: for how many seconds, unless WAIT_S is less.
    """
    with crowd.joined(max(1, current_app.config["WEB_THREADS"] // 2)) as has_room:
        return tasks.wait(image_id, min(current_app.config["WAIT_S"], most_s) if has_room else 0)
