"""What the worker does once an hour: leftovers of crashes go, and what is older than the operator wants to keep."""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from app.reading import images
from app.store import erasures, known_backups, wiping
from app.store.database import DATABASE, driver
from app.tables import Image
from app.tables.moment import now
from app.upkeep import backup, picture_rows, restoring
from app.upkeep.backup_keys import BadBackup
from app.web.extensions import db
from app.workers.services import services

log = logging.getLogger(__name__)

LEFTOVER_AGE_S = 3600  # younger files may belong to an upload or analysis that is under way


def sweep() -> None:
    """Remove images past their retention or deleted before, everywhere; then what crashes left over an hour ago."""
    data: Path = current_app.config["DATA_DIR"]
    _remove_returned()
    _remove_expired()
    _sweep_restore_points(data)
    _sweep_backups(data)
    _remove_unfinished_copies(data)
    for folder in services().store.root.glob("*"):
        _remove_leftovers(folder)
        db.session.rollback()  # a transaction over all folders would last for minutes where many pictures are kept
    wiping.rewrite_when_due(data)
    wiping.empty_log(data)


def _remove_returned() -> None:
    returned = images.returned()
    for image_id in returned:
        images.delete(image_id, actor="system")
    if returned:
        log.warning("what had been deleted was here again and is deleted", extra={"deleted": len(returned)})


def _sweep_restore_points(data: Path) -> None:
    """Old ones go; from the others goes what has been deleted since."""
    days = [current_app.config[name] for name in ("RESTORE_POINT_DAYS", "RETENTION_DAYS")]
    limits = [now() - timedelta(days=number) for number in days if number]
    names = erasures.read(data)
    for point in data.glob(f"{restoring.POINT}*"):
        if any(_made(point) < limit for limit in limits):
            shutil.rmtree(point)
            log.info("a restore point was old enough to go")
            continue
        for path in point.rglob(DATABASE):
            _erase(path, names)


def _made(point: Path) -> datetime:
    """When a restore point was made, as its name says; the change of its folder where it says nothing."""
    try:
        return datetime.strptime(point.name.removeprefix(restoring.POINT), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(point.stat().st_mtime, UTC)


def _erase(path: Path, names: frozenset[str]) -> None:
    try:
        wiping.replace(path)
        picture_rows.erase(path.parent, path, names)
    except (driver.Error, BadBackup, OSError) as error:  # set aside because it was damaged, perhaps
        log.warning("deletions could not be repeated in a restore point", extra={"error": type(error).__name__})


def _sweep_backups(data: Path) -> None:
    settings = current_app.config
    try:
        gone = known_backups.remove_expired(data, now(), settings["BACKUP_RETENTION_DAYS"], settings["RETENTION_DAYS"])
        known_backups.mirror(data)
    except OSError as error:
        log.warning("old backups could not be removed", extra={"error": type(error).__name__})
        return
    if gone:
        log.info("old backups", extra={"deleted": gone})


def _remove_unfinished_copies(data: Path) -> None:
    """Copies that a killed backup, restore or rewrite left."""
    limit = time.time() - LEFTOVER_AGE_S
    for prefix in (backup.UNDER_WAY, restoring.UNDER_WAY):
        for folder in data.glob(f"{prefix}*"):
            if folder.is_dir() and not any(path.stat().st_mtime >= limit for path in (folder, *folder.rglob("*"))):
                shutil.rmtree(folder, ignore_errors=True)
    new = data / f"{DATABASE}{wiping.NEW}"
    if new.exists() and new.stat().st_mtime < limit:
        new.unlink()


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
