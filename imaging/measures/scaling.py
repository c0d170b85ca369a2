"""Large pictures are read at a bounded size, so that time and memory do not grow with what somebody uploads."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.measures.measure import Lesion
from imaging.picture import Picture, Spacing
from imaging.preprocess import Grey, resize

LONGEST_SIDE = 1024  # px; four times the networks' input, so that mask and measurements lose nothing they had


def reduced(picture: Picture) -> Picture:
    """The picture with its longer side at most 1024 px; the spacing grows by as much."""
    scale = LONGEST_SIDE / max(picture.height, picture.width)
    if scale >= 1:
        return picture
    pixels = resize(picture.pixels, max(1, round(picture.height * scale)), max(1, round(picture.width * scale)))
    spacing = picture.spacing and Spacing(picture.spacing.mm_per_pixel / scale, picture.spacing.source)
    return replace(picture, pixels=pixels, spacing=spacing)


def enlarged_mask(mask: NDArray[np.bool_], picture: Picture) -> NDArray[np.bool_]:
    """A bool mask of the reduced picture at the size of `picture`."""
    if mask.shape == picture.pixels.shape:
        return mask
    size = (picture.width, picture.height)
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), dtype=np.bool_)


def enlarged_heat(heat: Grey, picture: Picture) -> Grey:
    """A heat map of the reduced picture at the size of `picture`."""
    return resize(heat, picture.height, picture.width)


def in_pixels_of(lesion: Lesion | None, small: Picture, picture: Picture) -> Lesion | None:
    """A lesion measured on the reduced picture, its pixel figures in pixels of `picture`; millimetres stay."""
    if lesion is None or small is picture:
        return lesion
    scale = picture.width / small.width
    top, left, bottom, right = (round(edge * scale) for edge in lesion.bbox)
    bottom, right = min(bottom, picture.height), min(right, picture.width)
    return replace(
        lesion,
        area_px=round(lesion.area_px * scale * scale),
        bbox=(top, left, bottom, right),
        width_px=right - left,
        height_px=bottom - top,
        longest_axis_px=round(lesion.longest_axis_px * scale, 1),
        spacing_mm=picture.spacing.mm_per_pixel if picture.spacing else None,
    )
