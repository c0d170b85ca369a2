"""Waiting for an answer costs a thread of the server, so only half of them may do it at once; the others hear 202."""

from __future__ import annotations

import threading

from flask import current_app

from app import tasks

ASK_AGAIN = {"Retry-After": "1"}  # seconds: each question costs a few milliseconds that the pictures waited for need

_lock = threading.Lock()
_waiting = 0


def until_finished(study_id: str) -> bool:
    """Wait up to WAIT_S seconds until a study is finished; True when it is. No waiting while too many do."""
    global _waiting
    with _lock:
        is_crowded = _waiting >= max(1, current_app.config["WEB_THREADS"] // 2)
        _waiting += 1
    try:
        return tasks.wait(study_id, 0 if is_crowded else current_app.config["WAIT_S"])
    finally:
        with _lock:
            _waiting -= 1
