"""Classical enhancement of a picture before a network sees it. A recipe lists the steps by name, in their order.

Every step takes uint8 `H x W` pixels and gives uint8 `H x W` pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imaging.preprocess import Grey


def histogram(pixels: Grey) -> Grey:
    """Histogram equalisation over the whole picture."""
    return np.asarray(cv2.equalizeHist(pixels), dtype=np.uint8)


def clahe(pixels: Grey) -> Grey:
    """Contrast-limited adaptive histogram equalisation, 8 x 8 tiles (Zuiderveld 1994)."""
    return np.asarray(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(pixels), dtype=np.uint8)


def median(pixels: Grey) -> Grey:
    """Median of 5 x 5 pixels: takes the speckle, keeps the edges."""
    return np.asarray(cv2.medianBlur(pixels, 5), dtype=np.uint8)


def bilateral(pixels: Grey) -> Grey:
    """Bilateral filter: a mean over near pixels of like brightness (Tomasi and Manduchi 1998)."""
    return np.asarray(cv2.bilateralFilter(pixels, 7, 40, 5), dtype=np.uint8)


def adaptive_threshold(pixels: Grey) -> Grey:
    """Half the picture, half its local threshold: regions darker than what is around them go dark."""
    side = max(3, min(pixels.shape) // 8) | 1
    is_bright = cv2.adaptiveThreshold(pixels, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, side, 2)
    return np.asarray(cv2.addWeighted(pixels, 0.5, is_bright, 0.5, 0), dtype=np.uint8)


STEPS: dict[str, Callable[[Grey], Grey]] = {
    step.__name__: step for step in (histogram, clahe, median, bilateral, adaptive_threshold)
}


def enhance(pixels: Grey, names: list[str]) -> Grey:
    """Apply the named steps, one after the other."""
    for name in names:
        pixels = STEPS[name](pixels)
    return pixels
