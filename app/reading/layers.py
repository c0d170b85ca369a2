"""The picture layers of an image as PNG bytes: what the result page, the triage list and the API all serve."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress

import numpy as np
from flask import Flask, current_app
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from app.store.database import writing
from app.store.pictures import Encoded, MissingPicture, encode
from app.tables import Analysis, Image
from app.web.extensions import db
from app.workers.services import services
from imaging import overlay
from imaging.preprocess import resize

PICTURE, OUTLINE, FILL, HEAT, THUMBNAIL = "picture", "outline", "fill", "heat", "thumbnail"
NAMES = (PICTURE, OUTLINE, FILL, HEAT, THUMBNAIL)
LARGE_PIXELS = 4_000_000

_large = threading.Lock()  # large layers take turns: a page asks for all of them at once
_keeping = ThreadPoolExecutor(1, "thumbnails")  # its thread starts with the first one

log = logging.getLogger(__name__)


def render(image: Image, name: str) -> bytes:
    """One layer of an image's newest analysis.

    Args:
        name: picture (grey, as kept), outline, fill and heat (transparent, same size as the picture) or thumbnail
            (small, with the outline drawn; the bare picture while there is no analysis).

    Returns:
        PNG bytes.

    Raises:
        MissingPicture: no such layer, or its file is gone or damaged.
    """
    if name == PICTURE:
        return services().store.content(image.picture_sha256)
    if name == THUMBNAIL:
        return _thumbnail(image)
    analysis = image.reading
    if analysis is None or name not in (OUTLINE, FILL, HEAT):
        raise MissingPicture(f"This image has no {name} layer.")
    with _turn(image):
        if name == HEAT:
            return _heat(analysis, image.height, image.width)
        return overlay.layer_png(_mask(analysis), name)


@contextmanager
def _turn(image: Image) -> Iterator[None]:
    with _large if image.height * image.width > LARGE_PIXELS else nullcontext():
        yield


def key(image: Image, name: str) -> str:
    """Changes when the layer's content does: the entity tag of its address."""
    analysis = image.reading
    shown = image.picture_sha256 if name == PICTURE or analysis is None else analysis.mask_sha256
    return f"{name}-{shown[:16]}-{analysis.id if analysis is not None and name != PICTURE else 0}"


def _thumbnail(image: Image) -> bytes:
    """Made when somebody looks at it for the first time, and kept: no upload waits for it."""
    analysis = image.reading
    if analysis is not None and analysis.thumbnail_sha256:
        with suppress(MissingPicture):
            return services().store.content(analysis.thumbnail_sha256)
    with _turn(image):
        pixels = services().store.get(image.picture_sha256)
        mask = np.zeros(pixels.shape[:2], dtype=np.bool_) if analysis is None else _mask(analysis)
        encoded = encode(overlay.thumbnail(pixels, mask))
    if analysis is not None:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        _keeping.submit(_keep_thumbnail, app, analysis.id, encoded)  # nobody who looks waits for disk or database
    return encoded.content


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


def _heat(analysis: Analysis, height: int, width: int) -> bytes:
    if analysis.heat_sha256 is None:
        raise MissingPicture("This image has no heat layer.")
    heat = resize(services().store.get(analysis.heat_sha256), height, width)
    return overlay.heat_png(heat)


def _mask(analysis: Analysis) -> NDArray[np.bool_]:
    """bool `H x W`."""
    return services().store.get(analysis.mask_sha256) > 127
