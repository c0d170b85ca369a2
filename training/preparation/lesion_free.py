"""Where a lesion picture shows no lesion: further normals, from scanners that have none of their own.

BUSI's 133 normals come from one scanner; without these a network learns that "normal" looks like that scanner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.postprocess import box_of
from imaging.preprocess import Box, Grey

SMALLEST_SIDE = 110  # px at the stored size (long side at most 448): below it a crop is mostly magnified speckle
LESION_FREE = "lesion-free"  # their source, as recipes name it
GAP = 8  # px kept between the crop and the expert's outline


def square_beside(pixels: Grey, mask: NDArray[np.bool_]) -> Box | None:
    """The largest square beside, above or below the lesion; None without one, or where no square of 110 px fits.

    Args:
        pixels: uint8 `H x W`; mask: bool `H x W`.
    """
    height, width = pixels.shape
    lesion = box_of(mask)
    if lesion is None:
        return None
    strip = strip_beside(lesion, height, width)
    side = min(strip.height, strip.width)
    if side < SMALLEST_SIDE:
        return None
    top = strip.top + (strip.height - side) // 2
    left = strip.left + (strip.width - side) // 2
    return Box(top, left, top + side, left + side) if is_echo(pixels[top : top + side, left : left + side]) else None


def strip_beside(lesion: Box, height: int, width: int) -> Box:
    """Of the strips beside, above and below a lesion in a picture of `height` x `width` px, the broadest."""
    strips = [
        Box(0, 0, height, lesion.left - GAP),
        Box(0, lesion.right + GAP, height, width),
        Box(0, 0, lesion.top - GAP, width),
        Box(lesion.bottom + GAP, 0, height, width),
    ]
    return max(strips, key=lambda box: min(box.height, box.width))


def is_echo(crop: Grey) -> bool:
    """Whether a part of a picture shows tissue and not the black beside it."""
    return bool(crop.mean() > 15)
