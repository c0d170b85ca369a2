"""Geometry, once: how a picture is fitted to a network's input and how a network's answer is laid back on the picture.

Training and serving both use these functions, so that a network never meets a picture prepared in another way.
Intensity is not touched here: the exported networks take uint8 and normalise inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Placement:
    """Where a picture of `height` x `width` px lies inside a letterboxed square of `size` px (all in pixels)."""

    height: int
    width: int
    size: int
    top: int
    left: int
    fitted_height: int
    fitted_width: int


@dataclass(frozen=True)
class Box:
    """A box in picture pixels; `bottom` and `right` are exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def placement(height: int, width: int, size: int) -> Placement:
    """Centre a picture in a square of `size` px, keeping its aspect ratio."""
    scale = size / max(height, width)
    fitted_height = max(1, min(size, round(height * scale)))
    fitted_width = max(1, min(size, round(width * scale)))
    top, left = (size - fitted_height) // 2, (size - fitted_width) // 2
    return Placement(height, width, size, top, left, fitted_height, fitted_width)


def fitted(height: int, width: int, longest: int) -> tuple[int, int]:
    """Height and width of a picture shrunk to at most `longest` px on its longer side; never enlarged."""
    scale = min(1.0, longest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(pixels: Grey, height: int, width: int) -> Grey:
    """Resize `H x W` pixels: by area when shrinking, so that speckle is averaged and not sampled; else bilinear."""
    if pixels.shape[:2] == (height, width):
        return pixels
    is_shrinking = height * width < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if is_shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)


def fit(pixels: Grey, size: int) -> tuple[Grey, Placement]:
    """Letterbox uint8 `H x W` pixels onto black `size x size`; the placement undoes it (see `restore`)."""
    place = placement(pixels.shape[0], pixels.shape[1], size)
    canvas = np.zeros((size, size), dtype=np.uint8)
    rows = slice(place.top, place.top + place.fitted_height)
    columns = slice(place.left, place.left + place.fitted_width)
    canvas[rows, columns] = resize(pixels, place.fitted_height, place.fitted_width)
    return canvas, place


def restore(square: Grey, place: Placement) -> Grey:
    """Lay a uint8 `size x size` answer (probability map, heat map) back on the picture's `H x W` pixels."""
    rows = slice(place.top, place.top + place.fitted_height)
    columns = slice(place.left, place.left + place.fitted_width)
    return resize(np.ascontiguousarray(square[rows, columns]), place.height, place.width)


def bordered(box: Box, border: float, height: int, width: int) -> Box:
    """Grow a box by `border` times its longer side on every side, within a picture of `height` x `width` px."""
    margin = round(border * max(box.height, box.width))
    return Box(
        max(0, box.top - margin),
        max(0, box.left - margin),
        min(height, box.bottom + margin),
        min(width, box.right + margin),
    )


def segmented(pixels: Grey, probability: Grey, box: Box | None, border: float, size: int) -> NDArray[np.uint8]:
    """What the classifier sees: the segmented picture, cropped to the lesion.

    Args:
        pixels: uint8 `H x W` picture.
        probability: uint8 `H x W`, the U-Net's lesion probability times 255.
        box: the lesion's box; None means that no lesion was found and the whole picture is used.
        border: share of the box's longer side that is added around it.
        size: side of the square input in pixels.

    Returns:
        uint8 `3 x size x size`: picture, lesion probability, picture under the soft mask.
    """
    height, width = pixels.shape
    crop = Box(0, 0, height, width) if box is None else bordered(box, border, height, width)
    window = (slice(crop.top, crop.bottom), slice(crop.left, crop.right))
    picture, place = fit(np.ascontiguousarray(pixels[window]), size)
    soft_mask, _ = fit(np.ascontiguousarray(probability[window]), size)
    masked = (picture.astype(np.uint16) * soft_mask // 255).astype(np.uint8)
    assert place.size == size
    return np.stack([picture, soft_mask, masked])
