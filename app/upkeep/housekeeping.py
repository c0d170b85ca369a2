"""What the worker does once an hour: leftovers of crashes go, and what is older than the operator wants to keep."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from app.reading import images
from app.tables import Image
from app.tables.moment import now
from app.web.extensions import db
from app.workers.services import services

log = logging.getLogger(__name__)

LEFTOVER_AGE_S = 3600  # younger files may belong to an upload or analysis that is under way


def sweep() -> None:
    """Remove images past their retention, then unfinished and orphaned files older than an hour."""
    _remove_expired()
    for folder in services().store.root.glob("*"):
        _remove_leftovers(folder)
        db.session.rollback()  # a transaction over all folders would last for minutes where many pictures are kept


def _remove_leftovers(folder: Path) -> None:
    limit = time.time() - LEFTOVER_AGE_S
    orphans = set()
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # renamed or deleted meanwhile
            if path.stat().st_mtime >= limit:
                continue
            if path.suffix == ".tmp":
                path.unlink()
            elif path.suffix == ".png" and not images.is_named(path.stem):
                orphans.add(path.stem)
    images.forget(orphans)


def _remove_expired() -> None:
    days = current_app.config["RETENTION_DAYS"]
    if not days:
        return
    expired = db.session.scalars(select(Image.id).where(Image.created_at < now() - timedelta(days=days))).all()
    for image_id in expired:
        images.delete(image_id, actor="system")
    if expired:
        log.info("retention", extra={"deleted": len(expired)})
