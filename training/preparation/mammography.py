"""Regions of a mammogram by thresholds: the breast without label and pectoral muscle, and what is dense in it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.postprocess import largest_part
from imaging.preprocess import Grey

BREAST, DENSE = 128, 255  # a crop at a threshold of 0.5 is the breast, at 0.9 its dense part alone
CORNER = 0.4  # share of height and width within which the muscle of an oblique view lies


def regions(pixels: Grey, dense_share: float) -> Grey:
    """A map of a mammogram: 255 where it is dense, 128 on other breast tissue, 0 elsewhere.

    Args:
        pixels: uint8 `H x W`. dense_share: tissue is dense where it is brighter than this share of the breast.
    """
    breast = breast_of(pixels)
    found = np.where(breast, BREAST, 0).astype(np.uint8)
    if breast.any():
        smooth = cv2.medianBlur(pixels, 5)
        found[breast & (smooth >= np.quantile(smooth[breast], dense_share))] = DENSE
    return found


def breast_of(pixels: Grey) -> NDArray[np.bool_]:
    """bool `H x W`: the largest bright part, which labels and scratches are not, less the pectoral muscle."""
    smooth = np.asarray(cv2.GaussianBlur(pixels, (5, 5), 0), dtype=np.uint8)
    # half of Otsu's threshold: fat at the skin is little brighter than the film
    threshold, _ = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    side = max(3, min(pixels.shape) // 60) | 1
    bright = (smooth > threshold / 2).astype(np.uint8)
    opened = cv2.morphologyEx(bright, cv2.MORPH_OPEN, np.ones((side, side), dtype=np.uint8))
    breast = largest_part(opened.astype(np.bool_))
    return largest_part(breast & ~pectoral_of(smooth, breast))


def pectoral_of(smooth: Grey, breast: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool `H x W`: roughly the pectoral muscle, the bright part that fills the upper corner at the chest wall."""
    nothing = np.zeros(breast.shape, dtype=np.bool_)
    rows, columns = np.nonzero(breast)
    if not rows.size:
        return nothing
    is_right = _is_wall_right(breast, columns)
    top, height, width = int(rows.min()), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    deep, wide = max(1, round(height * CORNER)), max(1, round(width * CORNER))
    corner = nothing.copy()
    start = int(columns.max()) + 1 - wide if is_right else int(columns.min())
    corner[top : top + deep, start : start + wide] = True
    inside = corner & breast
    if not inside.any():
        return nothing
    threshold, _ = cv2.threshold(smooth[inside], 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return _part_at_corner(inside & (smooth > threshold), top, start + wide - 1 if is_right else start)


def _is_wall_right(breast: NDArray[np.bool_], columns: NDArray[np.int64]) -> bool:
    """Whether the chest wall is at the right: there the breast ends in a straight line, so it fills more of it."""
    right, left = int(columns.max()), int(columns.min())
    wide = max(2, (right - left) // 20)
    return bool(breast[:, right - wide : right + 1].sum() > breast[:, left : left + wide + 1].sum())


def _part_at_corner(bright: NDArray[np.bool_], top: int, column: int) -> NDArray[np.bool_]:
    """The connected part that reaches into the corner itself; none where the corner is dark."""
    _, labels = cv2.connectedComponents(bright.astype(np.uint8))
    reach = max(3, bright.shape[0] // 40)
    near = labels[top : top + reach, max(0, column - reach) : column + reach + 1]
    present = near[near > 0]
    if not present.size:
        return np.zeros(bright.shape, dtype=np.bool_)
    return np.asarray(labels == np.bincount(present).argmax())
