"""Is the product fit for work: a real inference, a write to the database, a write to the picture store."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.inference.manifest import ModelUnusable
from app.reading import images
from app.store.database import writing
from app.tables import Image
from app.web.extensions import db
from app.web.observability import QUEUE, SHUT_IN
from app.workers import watchdog
from app.workers.services import services
from imaging.phantom import speckle
from imaging.picture import Picture

INFERENCE_AGE_S = 10.0  # an inference this young is believed, so that asking often costs nothing

log = logging.getLogger(__name__)


class NotReady(RuntimeError):
    """A part does not work; `code` is listed in docs/reference/errors.md."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Check:
    """One part that was tried: the code of its fault or None, and what an operator may want to know of it."""

    name: str
    code: str | None
    facts: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """All checks of one moment."""

    checks: tuple[Check, ...]

    @property
    def is_ready(self) -> bool:
        return all(check.code is None for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        code = next((check.code for check in self.checks if check.code), None)
        parts = {check.name: {"code": check.code or "ok", **check.facts} for check in self.checks}
        return {"status": "ready" if code is None else "not_ready", "code": code or "ok", "checks": parts}


def report() -> Report:
    """Try every part."""
    return Report((_check("database", _database), _check("store", _store), _check("networks", _networks)))


def measure() -> None:
    """Bring the gauges of the queue's length and of the decoders up to date."""
    QUEUE.set(images.count_waiting())
    walls = services().decoder.walls
    SHUT_IN.set(walls is not None and walls.means is not None)


def _check(name: str, try_part: Callable[[], dict[str, Any]]) -> Check:
    try:
        return Check(name, None, try_part())
    except NotReady as error:
        return Check(name, error.code, {})
    except ModelUnusable as error:
        return Check(name, error.code, {"sentence": error.sentence})
    except (SQLAlchemyError, OSError) as error:
        log.error("not ready", extra={"part": name, "error": type(error).__name__})
        return Check(name, f"{name}_bad", {})


def _database() -> dict[str, Any]:
    """Take the write lock and read a table, so that a locked, read-only or empty database shows."""
    with writing():
        db.session.execute(select(Image.id).limit(1))
    return {}


def _store() -> dict[str, Any]:
    """Write a file where the pictures lie, so that a full or read-only disk shows."""
    root = services().store.root
    root.mkdir(parents=True, exist_ok=True)
    probe = root / f"probe-{threading.get_ident()}"
    try:
        probe.write_bytes(bytes(4096))
    finally:
        probe.unlink(missing_ok=True)
    return {}


def _networks() -> dict[str, Any]:
    if services().engine.is_building:
        raise NotReady("networks_building")
    known: _Inference | None = current_app.extensions.get("sonotriage.inference")
    if known is None or time.monotonic() - known.ended > INFERENCE_AGE_S:
        known = _infer()
        current_app.extensions["sonotriage.inference"] = known
    engine = services().engine
    facts = {"provider": engine.provider, "gpu_failures": engine.gpu_failures, "milliseconds": known.milliseconds}
    return {**facts, "version": engine.manifest.version}


@dataclass(frozen=True)
class _Inference:
    ended: float
    milliseconds: float


def _infer() -> _Inference:
    """Read a small synthetic picture with the real networks.

    Raises:
        NotReady: the answer is no set of probabilities, or the inference failed.
        ModelUnusable: the networks are missing or damaged.
    """
    started = time.monotonic()
    try:
        with watchdog.limited():
            (findings,) = services().engine.read([Picture(speckle(1, "oval", 96, 96), "png")])
    except ModelUnusable:
        raise
    except Exception as error:
        log.exception("inference failed", extra={"stage": "ready"})
        raise NotReady("inference_failed") from error
    total = sum(vars(findings.probabilities).values())
    if not math.isclose(total, 1.0, abs_tol=1e-3):
        raise NotReady("inference_failed")
    ended = time.monotonic()
    return _Inference(ended, round((ended - started) * 1000, 1))
