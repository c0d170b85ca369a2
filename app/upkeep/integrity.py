"""Checks that what was acknowledged is still there: database, pictures, and nothing that belongs to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select, text

from app.reading import analysis, images
from app.store.pictures import MissingPicture
from app.tables import Analysis, Image
from app.tables.image import FAILED
from app.web.extensions import db
from app.workers.services import services


@dataclass
class Report:
    """What a check found: ids of images whose pictures are missing or damaged, those that were given up after three
    failures, those that were deleted and are here again, and keys that no row names."""

    database: str = "ok"
    images: int = 0
    pictures: int = 0
    damaged: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return self.database == "ok" and not self.damaged and not self.returned


def check(is_mending: bool = False) -> Report:
    """Check database and pictures, each picture against its sha256.

    Args:
        is_mending: remove pictures that no row names, delete again what was deleted, and queue images anew that were
            given up or whose results (not whose picture) are lost. A lost picture can't be mended: its image is only
            reported.
    """
    report = Report(database=str(db.session.execute(text("PRAGMA integrity_check")).scalar()))
    report.returned = images.returned()
    if is_mending:
        for image_id in report.returned:
            images.delete(image_id, actor="system")
    for image_id, key, status, results, thumbnails in _named():
        report.images += 1
        is_kept = _is_sound(key)
        are_results_kept = all(_is_sound(result) for result in results)
        if not (is_kept and are_results_kept):
            report.damaged.append(image_id)
        if status == FAILED:
            report.given_up.append(image_id)
        if is_mending and is_kept and (status == FAILED or not are_results_kept):
            _forget_damaged(results)
            _analyse_again(image_id)
        if is_mending:
            _forget_damaged(thumbnails)
    for path in services().store.root.glob("*/*.png"):
        report.pictures += 1
        if not images.is_named(path.stem):
            report.orphans.append(path.stem)
    if is_mending:
        images.forget(set(report.orphans))
    return report


def _named() -> Iterator[tuple[str, str, str, list[str], list[str]]]:
    """Id, picture key, status, and of the newest analysis, which alone is shown, result keys and thumbnail keys.

    A lost thumbnail is drawn again when somebody looks, so it is not a loss.
    """
    for image_id, key, status in db.session.execute(select(Image.id, Image.picture_sha256, Image.status)).all():
        newest = select(Analysis.mask_sha256, Analysis.heat_sha256, Analysis.thumbnail_sha256).where(
            Analysis.image_id == image_id
        )
        mask, heat, thumbnail = db.session.execute(newest.order_by(Analysis.id.desc()).limit(1)).first() or ("", "", "")
        yield image_id, key, status, [result for result in (mask, heat) if result], [thumbnail] if thumbnail else []


def _is_sound(key: str) -> bool:
    try:
        services().store.get(key)
    except (MissingPicture, OSError):
        return False
    return True


def _forget_damaged(keys: list[str]) -> None:
    """Remove damaged files, so that writing the same content again is not taken for already done."""
    for key in keys:
        if not _is_sound(key):
            services().store.remove(key)


def _analyse_again(image_id: str) -> None:
    analysis.queue_again(image_id, actor="system")
