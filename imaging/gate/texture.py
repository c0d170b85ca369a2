"""Numbers that tell a breast ultrasound picture from other grey pictures.

The strongest is *layering*: along the beam an ultrasound picture is resolved finer than across it, and breast tissue
lies in layers parallel to the skin, so brightness changes faster from row to row than from column to column. Photos,
mammograms and noise have no such preference; a picture on its side has the opposite one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import Grey, resize

_LONGER_SIDE_PX = 448  # statistics depend on scale, so all are taken at this size or below
_TILE_PX = 32
_FLAT_RANGE = 2
_BLACK, _LIT_SHARE = 10, 0.6
_Real = NDArray[np.float32]


@dataclass(frozen=True)
class Texture:
    """Statistics of one picture.

    Attributes:
        deviation: standard deviation of grey, 0..127. span: 99th less 1st percentile of grey, 0..255.
        structure: share of the variance that remains after blurring over 4 px, 0..1; near 0 for noise and text.
        flat: share of pixels whose 3 x 3 neighbourhood spans at most 2 grey values, 0..1; graphics, documents.
        flat_tissue: the same among pixels that are neither black nor white.
        layering: mean change from row to row over mean change from column to column.
        lit_layering: the same in tiles that are mostly not black, so without text around a picture on a screen.
        band_layering: the same in a band of 2 to 6 px, median over tiles that are neither black nor white.
        paper: share of pixels within 4 grey values of the most frequent grey, where that is bright; 0 otherwise.
    """

    deviation: float
    span: float
    structure: float
    flat: float
    flat_tissue: float
    layering: float
    lit_layering: float
    band_layering: float
    paper: float


def texture(pixels: Grey) -> Texture:
    """Statistics of uint8 `H x W` pixels."""
    small = _small(pixels)
    values = small.astype(np.float32)
    half = _half(values)
    variance = max(_variance(values), 1e-6)
    changes = _changes(values)
    shares = cv2.calcHist([small], [0], None, [256], [0, 256]).ravel().astype(np.float64) / small.size
    is_flat = _span_3x3(small) <= _FLAT_RANGE
    is_tissue = (small > 16) & (small < 250)
    return Texture(
        deviation=variance**0.5,
        span=_span(shares),
        structure=_variance(_blurred_half(half, 4)) / variance,
        flat=int(np.count_nonzero(is_flat)) / small.size,
        flat_tissue=float(int(np.count_nonzero(is_flat & is_tissue)) / max(1, int(np.count_nonzero(is_tissue)))),
        layering=_ratio(*(cv2.mean(change)[0] for change in changes)),
        lit_layering=_lit_layering(values, changes),
        band_layering=_band_layering(values, half),
        paper=_paper(shares),
    )


def _small(pixels: Grey) -> Grey:
    scale = _LONGER_SIDE_PX / max(pixels.shape[0], pixels.shape[1])
    if scale >= 1:
        return pixels
    return resize(pixels, round(pixels.shape[0] * scale), round(pixels.shape[1] * scale))


def _half(values: _Real) -> _Real:
    """Both sides halved, for wide blurs: they cost a sixth there and give nearly the same."""
    rows, columns = (max(1, side // 2) for side in values.shape)
    even = values[: 2 * rows, : 2 * columns]  # four pixels each make one, which is ten times as fast as any other share
    return np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _blurred(values: _Real, deviation_px: float) -> _Real:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation_px), dtype=np.float32)


def _blurred_half(half: _Real, deviation_px: float) -> _Real:
    """Blurred by `deviation_px` of the whole picture; halving has blurred it by half a pixel already."""
    return _blurred(half, math.sqrt(deviation_px**2 - 0.5**2) / 2)


def _span_3x3(small: Grey) -> Grey:
    window = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(small, window) - cv2.erode(small, window), dtype=np.uint8)


def _variance(values: _Real) -> float:
    return float(cv2.meanStdDev(values)[1][0, 0]) ** 2


def _changes(values: _Real) -> tuple[_Real, _Real]:
    """Absolute change to the next row and to the next column, both `H-1 x W-1`."""
    corner = values[:-1, :-1]
    down, across = cv2.absdiff(values[1:, :-1], corner), cv2.absdiff(values[:-1, 1:], corner)
    return np.asarray(down, dtype=np.float32), np.asarray(across, dtype=np.float32)


def _ratio(down: float, across: float) -> float:
    return (down + 0.1) / (across + 0.1)


def _lit_layering(values: _Real, changes: tuple[_Real, _Real]) -> float:
    is_lit = _tile_means((values[:-1, :-1] > _BLACK).astype(np.float32)) > _LIT_SHARE
    if not is_lit.any():
        return 1.0
    return _ratio(*(float(_tile_means(change)[is_lit].mean()) for change in changes))


def _band_layering(values: _Real, half: _Real) -> float:
    coarse = cv2.resize(_blurred_half(half, 6), values.shape[::-1], interpolation=cv2.INTER_LINEAR)
    band = cv2.subtract(_blurred(values, 1.5), coarse)
    down, across = (_tile_means(change) for change in _changes(np.asarray(band, dtype=np.float32)))
    level = _tile_means(values[:-1, :-1])
    is_told = (level > 16) & (level < 245) & (down + across > 0.3)
    if not is_told.any():
        return 1.0
    return float(np.median((down[is_told] + 0.1) / (across[is_told] + 0.1)))


def _tile_means(values: _Real) -> _Real:
    rows, columns = values.shape[0] // _TILE_PX, values.shape[1] // _TILE_PX
    if rows == 0 or columns == 0:
        return np.zeros((rows, columns), dtype=np.float32)
    whole = values[: rows * _TILE_PX, : columns * _TILE_PX]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _span(shares: NDArray[np.float64]) -> float:
    low, high = np.searchsorted(np.cumsum(shares), (0.01, 0.99))
    return float(high - low)


def _paper(shares: NDArray[np.float64]) -> float:
    nearby = np.convolve(shares, np.ones(9), mode="same")
    level = int(nearby.argmax())
    return float(nearby[level]) if level > 60 else 0.0
