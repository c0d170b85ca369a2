"""From a probability map to a mask, its contours and its box."""

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
    binary = probability >= round(threshold * 255)
    mask, box = np.zeros(probability.shape, dtype=np.bool_), box_of(binary)
    if box is not None:
        labels, areas = _parts(binary, box)
        is_kept = areas >= smallest_share * probability.size
        is_kept[0] = False
        mask[_window(box)] = is_kept[labels]
    return mask


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part of a bool `H x W` mask, which is the one that is measured and cropped."""
    box = box_of(mask)
    if box is None:
        return mask
    labels, areas = _parts(mask, box)
    part = np.zeros(mask.shape, dtype=np.bool_)
    part[_window(box)] = labels == 1 + int(np.argmax(areas[1:]))
    return part


def certainty_of(probability: Grey, part: NDArray[np.bool_]) -> float:
    """Mean lesion probability, 0..1, over a part (bool `H x W`) of a map (uint8 `H x W`, times 255); 0 for no part."""
    return float(probability[part].mean() / 255) if part.any() else 0.0


def parts_of(mask: NDArray[np.bool_]) -> int:
    """The number of connected parts of a bool `H x W` mask."""
    box = box_of(mask)
    return 0 if box is None else _parts(mask, box)[1].size - 1


def _parts(mask: NDArray[np.bool_], box: Box) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Labels of the connected parts inside the box that holds them all (0 is ground), and the area of each label.

    Inside the box alone: a lesion fills a small part of its picture.
    """
    inside = np.ascontiguousarray(mask[_window(box)]).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    return np.asarray(labels, dtype=np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], dtype=np.int32)


def _window(box: Box) -> tuple[slice, slice]:
    return slice(box.top, box.bottom), slice(box.left, box.right)


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box that holds every True pixel of a bool `H x W` mask, or None for an empty mask."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def contours_of(mask: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """Outer contours of a bool `H x W` mask, largest first: int32 `N x 2` arrays of (x, y) pixels."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contours = [np.asarray(contour, dtype=np.int32).reshape(-1, 2) for contour in found]
    return sorted(contours, key=lambda contour: -abs(cv2.contourArea(contour)))
