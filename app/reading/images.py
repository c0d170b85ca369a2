"""Finds and deletes images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flask import current_app
from sqlalchemy import func, or_, select

from app import audit
from app.store import erasures, known_backups, wiping
from app.store.database import writing
from app.tables import Analysis, Image
from app.tables.image import QUEUED, RUNNING
from app.web.extensions import db
from app.workers.services import services

_ID = re.compile(r"^[0-9a-f]{32}\Z")
STEPS = ("received", "checked", "outlined", "weighed")


class UnknownImage(LookupError):
    """There is no image with this id (404)."""


@dataclass(frozen=True)
class Progress:
    """Where an image stands: the step under way, and how many of the steps are done."""

    step: str
    done: int
    of: int


def find(image_id: str) -> Image:
    """The image with this id.

    Raises:
        UnknownImage: there is none, or the text is not an id.
    """
    image = db.session.get(Image, image_id) if _ID.match(image_id) else None
    if image is None:
        raise UnknownImage("There is no result at this address. It may have been deleted.")
    return image


def count_waiting() -> int:
    """How many images wait or are being read."""
    counted = select(func.count()).select_from(Image).where(Image.status.in_((QUEUED, RUNNING)))
    return db.session.scalar(counted) or 0


def progress(image: Image) -> Progress:
    """How far an image has come: received and checked until everything is done.

    One that is running is no further: its row does not say whether the networks have begun.
    """
    done = 2 if image.status in (QUEUED, RUNNING) else len(STEPS)
    return Progress(STEPS[min(done, len(STEPS) - 1)], done, len(STEPS))


def delete(image_id: str, actor: str) -> None:
    """Delete an image with everything kept for it; the audit trail keeps who did what when, not what was found.

    It goes on the list of deletions first: one that a crash stops in between is deleted by the hourly round.

    Raises:
        UnknownImage: there is none.
    """
    find(image_id)
    data: Path = current_app.config["DATA_DIR"]
    is_listed = _list(image_id, data)
    with writing():
        image = db.session.get(Image, image_id)
        if image is None:
            return
        keys = _keys(image)
        db.session.delete(image)
        wiping.expect_remains(db.session)
        audit.forget(image_id, erasures.short_name_of(image_id))
        audit.record(actor, "image.delete", erasures.short_name_of(image_id))
    forget(keys)
    if not is_listed:
        erasures.add(data, [erasures.name_of(image_id)])
    wiping.soon(data, partial(known_backups.mirror, data))


def _list(image_id: str, data: Path) -> bool:
    """False on a full disk, where the deletion itself makes room."""
    try:
        erasures.add(data, [erasures.name_of(image_id)])
    except OSError:
        return False
    return True


def returned() -> list[str]:
    """Ids of images that are on the list of deletions and yet here: a crash or a stray copy brought them back."""
    names = erasures.read(current_app.config["DATA_DIR"])
    if not names:
        return []
    return [one for one in db.session.scalars(select(Image.id)) if erasures.name_of(one) in names]


def forget(keys: set[str]) -> None:
    """Remove kept pictures that no row names. Under the write lock, so that no upload of the same pixels slips in."""
    if not keys:
        return
    with writing():
        for key in keys:
            if not is_named(key):
                services().store.remove(key)


def _keys(image: Image) -> set[str]:
    keys = {image.picture_sha256}
    for analysis in image.analyses:
        keys |= {analysis.mask_sha256, analysis.heat_sha256 or "", analysis.thumbnail_sha256}
    return keys - {""}


def is_named(key: str) -> bool:
    """True when an image or an analysis names this kept picture."""
    named_by_image = select(Image.id).where(Image.picture_sha256 == key).limit(1)
    named_by_analysis = (
        select(Analysis.id)
        .where(or_(Analysis.mask_sha256 == key, Analysis.heat_sha256 == key, Analysis.thumbnail_sha256 == key))
        .limit(1)
    )
    return db.session.scalar(named_by_image) is not None or db.session.scalar(named_by_analysis) is not None
