"""What the worker does once an hour: leftovers of crashes go, and what is older than the operator wants to keep."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from app import studies
from app.extensions import db
from app.services import services
from app.tables import Study
from app.tables.moment import now

log = logging.getLogger(__name__)

LEFTOVER_AGE_S = 3600  # younger files may belong to an upload or analysis that is under way


def sweep() -> None:
    """Remove unfinished and orphaned files older than an hour, and studies past their retention."""
    _remove_leftovers()
    _remove_expired()


def _remove_leftovers() -> None:
    limit = time.time() - LEFTOVER_AGE_S
    old = [path for path in services().store.root.glob("*/*") if path.stat().st_mtime < limit]
    for path in old:
        if path.suffix == ".tmp":
            path.unlink(missing_ok=True)
    studies.forget({path.stem for path in old if path.suffix == ".png" and not studies.is_named(path.stem)})


def _remove_expired() -> None:
    days = current_app.config["RETENTION_DAYS"]
    if not days:
        return
    expired = db.session.scalars(select(Study.id).where(Study.created_at < now() - timedelta(days=days))).all()
    for study_id in expired:
        studies.delete(study_id, actor="system")
    if expired:
        log.info("retention", extra={"deleted": len(expired)})
