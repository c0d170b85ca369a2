"""From a probability map to a mask, its outline and its box."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import Box, Grey


def mask_of(probability: Grey, threshold: float, smallest_share: float) -> NDArray[np.bool_]:
    """Threshold a lesion probability map and drop specks.

    Args:
        probability: uint8 `H x W`, probability times 255.
        threshold: probability in 0..1 at and above which a pixel is lesion.
        smallest_share: a connected part smaller than this share of the picture's area is dropped.

    Returns:
        bool `H x W`; all False when nothing remains.
    """
    binary = (probability >= round(threshold * 255)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    smallest_area = smallest_share * probability.size
    is_kept = stats[:, cv2.CC_STAT_AREA] >= smallest_area
    is_kept[0] = False
    if count <= 1:
        return np.zeros(probability.shape, dtype=np.bool_)
    return np.asarray(is_kept[labels], dtype=np.bool_)


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part of a bool `H x W` mask, which is the one that is measured and cropped."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 1:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), dtype=np.bool_)


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box that holds every True pixel of a bool `H x W` mask, or None for an empty mask."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def contours_of(mask: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """Outer outlines of a bool `H x W` mask, largest first: int32 `N x 2` arrays of (x, y) pixels."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = [np.asarray(outline, dtype=np.int32).reshape(-1, 2) for outline in found]
    return sorted(outlines, key=lambda outline: -abs(cv2.contourArea(outline)))
