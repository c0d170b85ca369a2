"""Ends the process when a reading hangs: a GPU that is gone may answer nothing at all, not even with an error.

A thread that waits inside a driver can't be called back, so the process goes as a whole: gunicorn starts the next one,
which takes up what was being read (`app/workers/tasks.py`). Where the networks ran on a GPU, the next one leaves that
alone until the server itself is started again (`gunicorn.conf.py` removes the mark).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from flask import current_app

from app.inference import gpu
from app.workers import deadlines
from app.workers.services import GPU_HUNG, services

GRACE_S = 5.0  # for answers that are under way
BUILDING_S = 3600.0  # TensorRT's engines, once: some minutes each
FRAMES = 12  # of each thread that is logged, the innermost
READERS = ("analysis", "line", "gate")  # names of threads that read, or wait for others that do, begin so

log = logging.getLogger(__name__)


@contextmanager
def limited(references: Sequence[str] = ()) -> Iterator[None]:
    """Inside, pictures are read: for longer than INFERENCE_TIMEOUT_S, and the process ends.

    Args:
        references: short forms of the ids of the images, for the log; the ids themselves are keys to results.
    """
    settings, engine = current_app.config, services().engine
    limit_s, started = settings["INFERENCE_TIMEOUT_S"], time.monotonic()
    hung = _Hung(settings["DATA_DIR"] / GPU_HUNG, limit_s, engine.provider, tuple(references), threading.get_ident())

    def act() -> float | None:
        if engine.is_building and time.monotonic() - started < BUILDING_S:  # whoever reads now waits for that, too
            return float(limit_s)
        hung.end_beside()
        return None

    with deadlines.limited(limit_s, act):
        yield


@dataclass(frozen=True)
class _Hung:
    mark: Path
    limit_s: float
    provider: str | None
    references: tuple[str, ...]
    thread: int

    def end_beside(self) -> None:
        """In a thread of its own: answers under way meet other deadlines meanwhile."""
        try:
            threading.Thread(target=self.end, name="watchdog", daemon=True).start()
        except RuntimeError:  # no room for one more
            self.end()

    def end(self) -> None:
        """Say where it hangs, remember a GPU, stop taking requests, and end whatever still runs."""
        facts = {
            "limit_s": self.limit_s, "provider": self.provider, "images": self.references, "stacks": self._stacks(),
        }  # fmt: skip
        log.critical("a reading hangs: this process ends, the next one goes on", extra=facts)
        if self.provider is None or gpu.is_gpu(self.provider):  # None: it hangs while the networks are opened
            with suppress(OSError):  # a full disk: the next process tries the GPU once more
                self.mark.touch()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)

    def _stacks(self) -> dict[str, list[str]]:
        """Where the thread that asked for the reading stands, and all that may be reading for it, by their names."""
        frames = sys._current_frames()
        return {
            thread.name: _lines(frames[thread.ident])
            for thread in threading.enumerate()
            if thread.ident in frames and (thread.ident == self.thread or thread.name.startswith(READERS))
        }


def _lines(frame: FrameType) -> list[str]:
    return [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_stack(frame)[-FRAMES:]]
