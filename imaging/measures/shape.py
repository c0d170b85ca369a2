"""Numbers of a lesion's contour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.postprocess import contours_of


@dataclass(frozen=True)
class Shape:
    """Numbers of one contour: textbook measures (Russ, The Image Processing Handbook, chapter on shape).

    Attributes:
        longest_axis_px: greatest distance between two points of the contour (Feret), counting both end pixels.
        circularity: 4 pi area / perimeter^2 (Cox 1927), 0..1; steps of pixels make a perimeter about 5 % too long, so
            a disc has 0.9.
        solidity: area over area of the convex hull, 0..1.
        convexity: perimeter of the convex hull over the contour's own, 0..1; a smooth oval has 0.95 for that reason.
        aspect: shorter over longer side of the smallest rectangle of any direction, 0..1.
        height_to_width: of the upright box.
    """

    longest_axis_px: float
    circularity: float
    solidity: float
    convexity: float
    aspect: float
    height_to_width: float


def shape_of(lesion: NDArray[np.bool_]) -> Shape:
    """Measure one connected part, bool `H x W` with at least one True pixel."""
    points = contours_of(lesion)[0]
    hull = cv2.convexHull(points).reshape(-1, 2)
    area = max(float(cv2.contourArea(points)), 1.0)
    perimeter = max(float(cv2.arcLength(points, closed=True)), 1.0)
    _, (first_side, second_side), _ = cv2.minAreaRect(points)
    _, _, width, height = cv2.boundingRect(points)
    return Shape(
        longest_axis_px=_feret(hull),
        circularity=min(1.0, 4.0 * math.pi * area / perimeter**2),
        solidity=min(1.0, area / max(float(cv2.contourArea(hull)), 1.0)),
        convexity=min(1.0, float(cv2.arcLength(hull, closed=True)) / perimeter),
        aspect=(min(first_side, second_side) + 1.0) / (max(first_side, second_side) + 1.0),
        height_to_width=height / width,
    )


def _feret(hull: NDArray[Any]) -> float:
    points = hull.astype(np.float64)
    distances = np.hypot(*(points[:, None, axis] - points[None, :, axis] for axis in range(2)))
    return float(distances.max()) + 1.0
