"""How bright a lesion is against what lies around and below it.

All is in dB of the grey values as they are shown: 20 log10 of a ratio of mean greys. A scanner has log-compressed them
already, so these are not the decibels of the echo itself, only a number that grows and falls with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import Box, Grey, bordered

# Where the ring of tissue begins, and how wide it is as a share of the lesion's longer side.
_RING_FROM_PX, _RING_SHARE = 2, 0.2
# The edge is looked at over 3 px of a picture of 448 px, more in larger ones.
_EDGE_PX, _EDGE_SHARE = 3, 1 / 150
_FEWEST_ROWS, _FEWEST_PIXELS = 8, 64


@dataclass(frozen=True)
class Echo:
    """Contrasts of one lesion in dB.

    Attributes:
        contrast_db: lesion against the ring of tissue around it; below 0 where the lesion is darker.
        edge_db: change across the contour, without sign.
        posterior_db: below the lesion's middle against both sides at the same depth; None where too little lies below.
    """

    contrast_db: float
    edge_db: float
    posterior_db: float | None


def echo_of(pixels: Grey, mask: NDArray[np.bool_], lesion: NDArray[np.bool_], box: Box) -> Echo:
    """Contrasts of a lesion.

    Args:
        pixels: uint8 `H x W`. mask: bool `H x W`, all lesions, none of which counts as tissue.
        lesion: bool `H x W`, the one that is measured; box: its box.
    """
    edge_px = max(_EDGE_PX, round(_EDGE_SHARE * max(pixels.shape)))
    ring_px = max(4, round(_RING_SHARE * max(box.height, box.width)))
    window = _window(box, max(ring_px, edge_px) + _RING_FROM_PX + 1, pixels.shape)
    near, is_lesion, is_any = pixels[window], lesion[window], mask[window]
    inside, outside = _distance(is_lesion), _distance(~is_lesion)
    ring = near[(outside > _RING_FROM_PX) & (outside <= _RING_FROM_PX + ring_px) & ~is_any]
    within, beyond = near[(inside > 1) & (inside <= 1 + edge_px)], near[(outside > 1) & (outside <= 1 + edge_px)]
    return Echo(
        contrast_db=_contrast_db(near[is_lesion], ring) or 0.0,
        edge_db=abs(_contrast_db(beyond, within) or 0.0),
        posterior_db=_posterior_db(pixels, box),
    )


def level_db(values: NDArray[np.uint8]) -> float:
    """Mean grey as dB; half a grey value stands for black, so that a picture without echo has a number too."""
    return 20.0 * math.log10(max(float(values.mean()), 0.5))


def _contrast_db(values: NDArray[np.uint8], against: NDArray[np.uint8]) -> float | None:
    return level_db(values) - level_db(against) if values.size and against.size else None


def _posterior_db(pixels: Grey, box: Box) -> float | None:
    """Below: the middle half of the box's width, half its height deep. Beside: half its width on either side."""
    rows = slice(box.bottom + 2, min(pixels.shape[0], box.bottom + 2 + max(_FEWEST_ROWS, box.height // 2)))
    quarter = max(1, box.width // 4)
    below = pixels[rows, box.left + quarter : box.right - quarter]
    left, right = pixels[rows, max(0, box.left - 2 * quarter) : box.left], pixels[rows, box.right :][:, : 2 * quarter]
    beside = np.concatenate([left.ravel(), right.ravel()])
    if rows.stop - rows.start < _FEWEST_ROWS or min(below.size, beside.size) < _FEWEST_PIXELS:
        return None
    return _contrast_db(below, beside)


def _window(box: Box, margin_px: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of a picture that is needed, so that the cost follows the lesion and not the picture."""
    near = bordered(box, margin_px / max(box.height, box.width), shape[0], shape[1])
    return slice(near.top, near.bottom), slice(near.left, near.right)


def _distance(is_inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance in px of every True pixel to the nearest False one."""
    return np.asarray(cv2.distanceTransform(is_inside.astype(np.uint8), cv2.DIST_L2, 5), dtype=np.float32)
