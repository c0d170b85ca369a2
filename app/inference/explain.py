"""Stage three: which part of the picture weighed for the leading class?"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.inference.classify import Classified
from app.inference.results import LABELS
from imaging.preprocess import Grey, placement


def heat_map(judged: Classified, height: int, width: int) -> Grey:
    """Class activation map of the leading class, laid on the picture.

    Zhou et al. 2016, "Learning Deep Features for Discriminative Localization": for a network that averages its last
    feature maps, the class weights times the maps is exact, no gradient is needed.

    Returns:
        uint8 `height x width`, 0 where nothing speaks for the class, 255 at its strongest point.
    """
    evidence = np.maximum(judged.activation[LABELS.index(judged.probabilities.label)], 0.0)
    window = judged.window
    place = placement(window.height, window.width, max(window.height, window.width))
    square = cv2.resize(evidence.astype(np.float32), (place.size, place.size), interpolation=cv2.INTER_CUBIC)
    part = square[place.top : place.top + place.fitted_height, place.left : place.left + place.fitted_width]
    part = np.maximum(part, 0.0)
    peak = float(part.max())
    heat = np.zeros((height, width), dtype=np.uint8)
    if peak > 0:
        scaled = np.asarray(part / peak * 255, dtype=np.uint8)
        heat[window.top : window.bottom, window.left : window.right] = scaled
    return heat


def share_in_lesion(heat: Grey, mask: NDArray[np.bool_]) -> float | None:
    """Share of the heat that falls on the outlined lesion, in 0..1; None without heat or without a lesion."""
    total = float(heat.sum(dtype=np.float64))
    return float(heat[mask].sum(dtype=np.float64)) / total if total > 0 and mask.any() else None
