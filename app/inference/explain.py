"""Stage three: which part of the picture spoke for the leading class?"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.inference.classify import Classified
from app.inference.results import LABELS
from app.inference.segment import Segmented
from imaging.preprocess import Box, Grey, fitted, placement, resize

DRAWN_PX = 256  # longer side at which it is drawn, then enlarged: a map has 7 x 7 points, and is kept no larger


def heat_map(item: Segmented, judged: Classified, unet_weight: float) -> Grey:
    """Class activation map of the leading class, laid on the picture: both networks' maps, added as their logits are.

    Zhou et al. 2016, "Learning Deep Features for Discriminative Localization": for a network that averages its last
    feature maps, the class weights times the maps is exact, no gradient is needed. Each map is divided by the area it
    is averaged over, so that the two add up per pixel as their logits do per picture.

    Args:
        unet_weight: weight of the U-Net's logits beside the classifier's.

    Returns:
        uint8 `H x W` of the picture, 0 where nothing speaks for the class, 255 or little less at the strongest point.
    """
    index = LABELS.index(judged.probabilities.label)
    height, width = item.picture.pixels.shape
    drawn_height, drawn_width = fitted(height, width, DRAWN_PX)
    evidence = unet_weight * _laid(item.activation[index], drawn_height, drawn_width, max(height, width))
    window = _scaled(judged.window, drawn_height / height, drawn_width / width)
    rows, columns = slice(window.top, window.bottom), slice(window.left, window.right)
    side = max(judged.window.height, judged.window.width)
    evidence[rows, columns] += _laid(judged.activation[index], window.height, window.width, side)
    positive = np.maximum(evidence, 0.0)
    peak = float(positive.max())
    drawn = np.asarray(positive / peak * 255 if peak > 0 else positive, dtype=np.uint8)
    return resize(drawn, height, width)


def _scaled(box: Box, down: float, across: float) -> Box:
    top, left = int(box.top * down), int(box.left * across)
    return Box(top, left, max(top + 1, round(box.bottom * down)), max(left + 1, round(box.right * across)))


def _laid(activation: NDArray[np.float32], height: int, width: int, side: int) -> NDArray[np.float32]:
    """Evidence per pixel of the picture, drawn as float32 `height x width`, from the map of the letterboxed square.

    Args:
        side: of that square in pixels of the picture.
    """
    place = placement(height, width, max(height, width))
    square = cv2.resize(activation.astype(np.float32), (place.size, place.size), interpolation=cv2.INTER_LINEAR)
    part = square[place.top : place.top + place.fitted_height, place.left : place.left + place.fitted_width]
    return np.asarray(part / (side * side), dtype=np.float32)


def share_in_lesion(heat: Grey, mask: NDArray[np.bool_]) -> float | None:
    """Share of the heat that falls on the lesion's mask, in 0..1; None without heat or without a lesion."""
    total = float(heat.sum(dtype=np.float64))
    return float(heat[mask].sum(dtype=np.float64)) / total if total > 0 and mask.any() else None
