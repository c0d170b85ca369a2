"""The picture layers of an image as PNG bytes: what the result page, the triage list and the API all serve.

Drawing takes turns and holds no connection to the database: `drawing` notes what it needs of the rows, `png` does it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import numpy as np
from flask import Flask, current_app
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from app.store.database import writing
from app.store.pictures import Encoded, MissingPicture, encode
from app.tables import Analysis, Image
from app.web.extensions import db
from app.workers import large_pictures
from app.workers.services import services
from app.workers.turns import NoTurn, Turns
from imaging import overlay
from imaging.preprocess import Grey, fitted, resize

PICTURE, MASK, OUTLINE, FILL, HEAT, OVERLAY, THUMBNAIL = NAMES = (
    "picture", "mask", "outline", "fill", "heat", "overlay", "thumbnail",
)  # fmt: skip
_KEPT = (PICTURE, MASK)  # served as they lie there
SHOWN_PX = 1600  # longest side of what is drawn, unless the full size is asked for: a screen shows no more
THUMBNAIL_PX = 160
LONGEST_WAIT_S = 20.0  # to the largest picture in its full size, one core gives two seconds

_turns, _large_turns = Turns(2), Turns(1)  # small ones never wait for large ones
_keeping = ThreadPoolExecutor(1, "thumbnails")  # its thread starts with the first one

log = logging.getLogger(__name__)


class DrawingBusy(RuntimeError):
    """Many wait to have something drawn (503, Retry-After)."""

    code, status, retry_after_s = "drawing_busy", 503, 5
    sentence = "Many pictures are being drawn at this moment. Please ask again in some seconds."


@dataclass(frozen=True)
class Drawing:
    """One layer of an image's newest analysis, and what it is drawn from: keys in the store, no rows.

    Attributes:
        height, width: of the picture, in px. longest: of the drawn layer's sides, in px; None for the picture's own.
        mask, heat: None where there is none.
    """

    name: str
    height: int
    width: int
    longest: int | None
    picture: str
    mask: str | None = None
    heat: str | None = None
    thumbnail: str | None = None
    analysis_id: int = 0

    @property
    def tag(self) -> str:
        """Changes when the layer's content does: the entity tag of its address."""
        shown = self.picture if self.name == PICTURE or self.mask is None else self.mask
        full = "-full" if self.longest is None and self.name not in _KEPT else ""
        return f"{self.name}-{shown[:16]}-{0 if self.name == PICTURE else self.analysis_id}{full}"


def drawing(image: Image, name: str, is_full: bool = False) -> Drawing:
    """What one layer is drawn from.

    Args:
        name: picture (grey, as kept), mask (255 where the lesion is), outline, fill and heat (transparent, to lie over
            the picture), overlay (picture and outline in one) or thumbnail (the same, small; the bare picture while
            there is no analysis).
        is_full: at the picture's own size, also where that is beyond SHOWN_PX.

    Raises:
        MissingPicture: no such layer.
    """
    analysis = image.reading
    if name not in NAMES or (analysis is None and name not in (PICTURE, THUMBNAIL)):
        raise MissingPicture(f"This image has no {name} layer.")
    if name == HEAT and analysis is not None and analysis.heat_sha256 is None:
        raise MissingPicture("This image has no heat layer.")
    longest = THUMBNAIL_PX if name == THUMBNAIL else None if is_full else SHOWN_PX
    bare = Drawing(name, image.height, image.width, longest, image.picture_sha256)
    if analysis is None:
        return bare
    return replace(
        bare, mask=analysis.mask_sha256, heat=analysis.heat_sha256, thumbnail=analysis.thumbnail_sha256,
        analysis_id=analysis.id,
    )  # fmt: skip


def key(image: Image, name: str) -> str:
    """The entity tag of a layer, as its address carries it."""
    return drawing(image, name).tag


def png(wanted: Drawing) -> bytes:
    """Draw a layer, in turn. The session's transaction ends: whoever draws, or waits to, holds no connection.

    Raises:
        MissingPicture: a file is gone or damaged.
        DrawingBusy: too many wait.
    """
    db.session.rollback()
    if wanted.name in _KEPT:
        return services().store.content(wanted.mask if wanted.name == MASK and wanted.mask else wanted.picture)
    if wanted.name == THUMBNAIL and wanted.thumbnail:
        with suppress(MissingPicture):
            return services().store.content(wanted.thumbnail)
    with _turn(wanted):
        return _DRAWN[wanted.name](wanted)


@contextmanager
def _turn(wanted: Drawing) -> Iterator[None]:
    """Hold a turn: of large pictures one at a time is drawn, and none while one is read."""
    is_large = wanted.height * wanted.width > large_pictures.LARGE_PIXELS
    turns = _large_turns if is_large else _turns
    try:
        with turns.taken(current_app.config["WEB_THREADS"] // 2, LONGEST_WAIT_S), large_pictures.room(is_large):
            yield
    except NoTurn as error:
        raise DrawingBusy from error


def _outline(wanted: Drawing) -> bytes:
    return overlay.layer_png(_mask(wanted), wanted.name)


def _heat(wanted: Drawing) -> bytes:
    return overlay.heat_png(resize(services().store.get(wanted.heat or ""), *_size(wanted)))


def _overlay(wanted: Drawing) -> bytes:
    return encode(_outlined(wanted)).content


def _thumbnail(wanted: Drawing) -> bytes:
    """Made when somebody looks at it for the first time, and kept: no upload waits for it."""
    encoded = encode(_outlined(wanted))
    if wanted.mask:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        _keeping.submit(_keep_thumbnail, app, wanted.analysis_id, encoded)  # nobody who looks waits for the disk
    return encoded.content


_DRAWN = {OUTLINE: _outline, FILL: _outline, HEAT: _heat, OVERLAY: _overlay, THUMBNAIL: _thumbnail}


def _keep_thumbnail(app: Flask, analysis_id: int, encoded: Encoded) -> None:
    """Where that fails, it is made again next time."""
    with app.app_context():
        try:
            with writing():
                analysis = db.session.get(Analysis, analysis_id)
                if analysis is not None:
                    services().store.write(encoded)  # under the write lock: no deletion comes in between
                    analysis.thumbnail_sha256 = encoded.key
        except (SQLAlchemyError, OSError) as error:
            log.warning("a thumbnail was not kept", extra={"error": type(error).__name__})


def _outlined(wanted: Drawing) -> overlay.Rgb:
    """Picture and outline in one; one after the other is read, and let go of once it is small."""
    mask = _mask(wanted) if wanted.mask else None
    return overlay.outline(_shrunk(wanted.picture, wanted), mask)


def _size(wanted: Drawing) -> tuple[int, int]:
    """Height and width to draw at, in px."""
    return fitted(wanted.height, wanted.width, wanted.longest or max(wanted.height, wanted.width))


def _shrunk(key: str, wanted: Drawing) -> Grey:
    """Kept pixels at the size to draw at."""
    return resize(services().store.get(key), *_size(wanted))


def _mask(wanted: Drawing) -> NDArray[np.bool_]:
    """bool, at the size to draw at."""
    return _shrunk(wanted.mask or "", wanted) >= 128
