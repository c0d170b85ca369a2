"""What can be measured on an outlined lesion, and the field's descriptor for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging import descriptors
from imaging.descriptors import Descriptor as Descriptor
from imaging.picture import Spacing
from imaging.postprocess import box_of, contours_of, largest_part
from imaging.preprocess import Box, Grey


@dataclass(frozen=True)
class Lesion:
    """Measurements of one lesion, in pixels of the picture; millimetres only where the file gave a spacing.

    Attributes:
        area_px: pixels; bbox: top, left, bottom, right (exclusive).
        width_px, height_px: of the box; longest_axis_px: greatest distance between two outline points (Feret).
        circularity: 4 pi area / perimeter^2, 1 for a disc. solidity: area over convex hull area.
        contrast_db: mean echo of the lesion against the ring around it, 20 log10(lesion / ring).
        posterior_db: mean echo below the lesion against tissue beside it at the same depth.
        parts: number of connected parts of the whole mask.
        spacing_mm: millimetres per pixel or None; spacing_source says where it came from.
    """

    area_px: int
    bbox: tuple[int, int, int, int]
    width_px: int
    height_px: int
    longest_axis_px: float
    circularity: float
    solidity: float
    contrast_db: float
    posterior_db: float | None
    parts: int
    spacing_mm: float | None
    spacing_source: str | None
    area_mm2: float | None
    width_mm: float | None
    height_mm: float | None
    longest_axis_mm: float | None
    descriptors: tuple[Descriptor, ...]


def measure(pixels: Grey, mask: NDArray[np.bool_], spacing: Spacing | None) -> Lesion | None:
    """Measure the largest part of a lesion mask.

    Args:
        pixels: uint8 `H x W`; mask: bool `H x W`.

    Returns:
        None for an empty mask.
    """
    lesion = largest_part(mask)
    box = box_of(lesion)
    if box is None:
        return None
    outline = _Outline.of(lesion)
    contrast_db = echo_db(pixels[lesion]) - echo_db(pixels[_ring(lesion, box) & ~mask])
    posterior_db = _posterior_db(pixels, lesion, box)
    edge_db = _edge_db(pixels, lesion)
    millimetres = spacing.mm_per_pixel if spacing is not None else None
    area_px = int(np.count_nonzero(lesion))
    return Lesion(
        area_px=area_px,
        bbox=(box.top, box.left, box.bottom, box.right),
        width_px=box.width,
        height_px=box.height,
        longest_axis_px=outline.longest_axis_px,
        circularity=outline.circularity,
        solidity=outline.solidity,
        contrast_db=contrast_db,
        posterior_db=posterior_db,
        parts=_parts(mask),
        spacing_mm=millimetres,
        spacing_source=spacing.source if spacing is not None else None,
        area_mm2=_times(area_px, millimetres and millimetres**2),
        width_mm=_times(box.width, millimetres),
        height_mm=_times(box.height, millimetres),
        longest_axis_mm=_times(outline.longest_axis_px, millimetres),
        descriptors=_descriptors(outline, box, contrast_db, edge_db, posterior_db),
    )


@dataclass(frozen=True)
class _Outline:
    """Numbers of an outline: longest axis (px), circularity, solidity and shorter over longer axis (0..1)."""

    longest_axis_px: float
    circularity: float
    solidity: float
    aspect: float

    @classmethod
    def of(cls, lesion: NDArray[np.bool_]) -> _Outline:
        points = contours_of(lesion)[0]
        hull = cv2.convexHull(points).reshape(-1, 2)
        area = max(float(cv2.contourArea(points)), 1.0)
        perimeter = max(float(cv2.arcLength(points, closed=True)), 1.0)
        _, (first_axis, second_axis), _ = cv2.minAreaRect(points)
        return cls(
            longest_axis_px=_feret(hull),
            circularity=min(1.0, 4.0 * math.pi * area / perimeter**2),
            solidity=min(1.0, area / max(float(cv2.contourArea(hull)), 1.0)),
            aspect=(min(first_axis, second_axis) + 1.0) / (max(first_axis, second_axis) + 1.0),
        )


def echo_db(values: NDArray[np.uint8]) -> float:
    """Mean grey as dB, 20 log10; 0.5 grey stands for black, so that a picture without echo has a number too."""
    mean = float(values.mean()) if values.size else 0.0
    return 20.0 * math.log10(max(mean, 0.5))


def _feret(hull: NDArray[Any]) -> float:
    """Greatest distance between two points of a convex hull, in px, counting both end pixels."""
    points = hull.astype(np.float64)
    distances = np.hypot(*(points[:, None, axis] - points[None, :, axis] for axis in range(2)))
    return float(distances.max()) + 1.0


def _ring(lesion: NDArray[np.bool_], box: Box) -> NDArray[np.bool_]:
    """Tissue around a lesion: as wide as a fifth of its longer side, beginning two pixels outside the outline."""
    width = max(4, round(0.2 * max(box.height, box.width)))
    return _grown(lesion, 2 + width) & ~_grown(lesion, 2)


def _grown(lesion: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    distance = cv2.distanceTransform((~lesion).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(distance <= by_px, dtype=np.bool_)


def _edge_db(pixels: Grey, lesion: NDArray[np.bool_]) -> float:
    """Change of echo across the outline, from 1 to 4 px inside to 1 to 4 px outside, in dB (without sign)."""
    inside = cv2.distanceTransform(lesion.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~lesion).astype(np.uint8), cv2.DIST_L2, 5)
    within, beyond = (inside > 1) & (inside <= 4), (outside > 1) & (outside <= 4)
    return abs(echo_db(pixels[beyond]) - echo_db(pixels[within]))


def _posterior_db(pixels: Grey, lesion: NDArray[np.bool_], box: Box) -> float | None:
    """Echo below the middle of a lesion against both sides at the same depth; None where too little lies below."""
    depth = max(8, box.height // 2)
    rows = slice(box.bottom + 2, min(pixels.shape[0], box.bottom + 2 + depth))
    if rows.stop - rows.start < 8:
        return None
    quarter = max(1, box.width // 4)
    below = pixels[rows, box.left + quarter : box.right - quarter]
    sides = [
        pixels[rows, max(0, box.left - 2 * quarter) : box.left],
        pixels[rows, box.right : box.right + 2 * quarter],
    ]
    beside = np.concatenate([side.ravel() for side in sides])
    if beside.size < 64 or below.size < 64:
        return None
    return echo_db(below) - echo_db(beside)


def _parts(mask: NDArray[np.bool_]) -> int:
    count, _ = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return int(count) - 1


def _times(value: float, factor: float | None) -> float | None:
    return None if factor is None else value * factor


def _descriptors(
    outline: _Outline, box: Box, contrast_db: float, edge_db: float, posterior_db: float | None
) -> tuple[Descriptor, ...]:
    found = (
        descriptors.shape(outline.solidity, outline.aspect),
        descriptors.orientation(box.height / box.width),
        descriptors.margin(outline.circularity, edge_db),
        descriptors.echo_pattern(contrast_db),
        descriptors.posterior_features(posterior_db),
    )
    return tuple(descriptor for descriptor in found if descriptor is not None)
