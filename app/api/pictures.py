"""The pictures of an image that programs ask for: mask and overlay as PNG."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image as Pillow

from app.refusals.interface import NoPicture
from app.store.pictures import MissingPicture
from app.tables import Analysis, Image
from app.workers.services import services
from imaging.overlay import outline


@dataclass(frozen=True)
class Served:
    """PNG bytes and the entity tag that changes when they do."""

    content: bytes
    tag: str


def mask(image: Image) -> Served:
    """8-bit grey, of the picture's size: 255 where the lesion is, else 0.

    Raises:
        NoPicture: the image has no reading, or its file is gone.
    """
    analysis = _analysis(image)
    try:
        return Served(services().store.content(analysis.mask_sha256), f"mask-{analysis.mask_sha256[:16]}")
    except MissingPicture as error:
        raise NoPicture from error


def overlay(image: Image) -> Served:
    """The picture with the outline of the lesion drawn in, as RGB.

    Raises:
        NoPicture: as for `mask`.
    """
    analysis = _analysis(image)
    try:
        pixels, kept = services().store.get(image.picture_sha256), services().store.get(analysis.mask_sha256)
    except MissingPicture as error:
        raise NoPicture from error
    buffer = io.BytesIO()
    Pillow.fromarray(outline(pixels, kept > 127)).save(buffer, format="PNG", compress_level=1)
    return Served(buffer.getvalue(), f"overlay-{analysis.mask_sha256[:16]}")


def _analysis(image: Image) -> Analysis:
    analysis = image.reading
    if analysis is None:
        raise NoPicture
    return analysis
