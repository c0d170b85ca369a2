"""Several images in one: told by the gutter between them, by the paper around them, or by the hard straight seam.

What has none of these is left to the layout network (`app/inference/layout.py`).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.layout.margins import pictures_on_paper
from imaging.preprocess import Grey

_SIDE_PX = 448
_BLACK = 10
# A panel is a run of columns, a fifth of the picture or more, that are mostly lit; a gutter is a column that is all but
# black. Text beside a picture never lights a third of a column, and a shadow in tissue never reaches the skin line.
_PANEL_LIT, _GUTTER_LIT, _PANEL_SHARE = 0.33, 0.03, 0.2
# A gutter of another shade is even over all its length, which tissue is only where it is black.
_EVEN_RANGE, _EVEN_PX = 5, 2
# Two halves of a dual view without gutter meet in the middle. There a seam steps in far more rows than other columns
# do, and what is left of it does not go on at its right: layers cross a biopsy guide line, but no seam.
_MIDDLE = (0.45, 0.55)
_STEP, _STEP_SHARE, _STEP_EXCESS = 12, 0.6, 0.3
_GOES_ON = 0.58


def has_several_panels(pixels: Grey) -> bool:
    """Whether uint8 `H x W` pixels hold two or more images beside or above each other."""
    if pictures_on_paper(pixels) > 1:
        return True
    content = _without_black_edges(pixels)
    if min(content.shape) < 64:
        return False
    if (
        _panels_across(np.ascontiguousarray(content.T)) > 1
        or _has_even_gutter(content, of_rows=True)
        or _has_even_gutter(content, False)
    ):
        return True
    small = np.asarray(cv2.resize(content, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return _panels_across(content) > 1 or _has_middle_seam(small)


def _without_black_edges(pixels: Grey) -> Grey:
    rows = np.flatnonzero(_lit_shares(pixels, of_rows=True) > _GUTTER_LIT)
    columns = np.flatnonzero(_lit_shares(pixels, of_rows=False) > _GUTTER_LIT)
    if rows.size == 0 or columns.size == 0:
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _lit_shares(pixels: Grey, of_rows: bool) -> NDArray[np.float64]:
    """For each row, or for each column, the share of its pixels that are not black."""
    _, is_lit = cv2.threshold(pixels, _BLACK, 1, cv2.THRESH_BINARY)
    sums = np.asarray(cv2.reduce(is_lit, 1 if of_rows else 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S), dtype=np.float64)
    return np.asarray(sums.ravel() / pixels.shape[1 if of_rows else 0], dtype=np.float64)


def _panels_across(content: Grey) -> int:
    """How many wide runs of lit columns lie between gutters."""
    lit = _lit_shares(content, of_rows=False)
    bounds = np.flatnonzero(np.diff(np.concatenate(([True], lit <= _GUTTER_LIT, [True])).astype(np.int8)))
    least = _PANEL_SHARE * content.shape[1]
    runs = zip(bounds[::2], bounds[1::2], strict=False)
    return sum(int(np.count_nonzero(lit[first:last] > _PANEL_LIT) > least) for first, last in runs)


def _has_even_gutter(content: Grey, of_rows: bool) -> bool:
    """Whether rows, or columns, of one shade that is not black part the content, with a panel on either side."""
    along = 1 if of_rows else 0
    highest = np.asarray(cv2.reduce(content, along, cv2.REDUCE_MAX)).ravel().astype(np.int16)
    lowest = np.asarray(cv2.reduce(content, along, cv2.REDUCE_MIN)).ravel().astype(np.int16)
    is_uneven = highest - lowest > _EVEN_RANGE
    before = np.cumsum(is_uneven)
    is_between = np.minimum(before, before[-1] - before) > _PANEL_SHARE * is_uneven.size
    is_gutter = (is_between & ~is_uneven & (lowest > 2 * _BLACK)).astype(np.uint8)
    return bool(np.convolve(is_gutter, np.ones(_EVEN_PX), mode="valid").max(initial=0) >= _EVEN_PX)


def _has_middle_seam(small: Grey) -> bool:
    shares = _step_shares(small)
    first, last = (round(shares.size * share) for share in _MIDDLE)
    column = first + int(shares[first:last].argmax())
    if shares[column] < _STEP_SHARE or shares[column] - float(np.median(shares)) < _STEP_EXCESS:
        return False
    left, right = (strip.mean(axis=1) for strip in (small[:, column - 6 : column], small[:, column + 6 : column + 12]))
    is_lit = min(float((left > _BLACK).mean()), float((right > _BLACK).mean())) > _PANEL_LIT
    return is_lit and _correlation(left, right) < _GOES_ON


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    spread = float(first.std() * second.std())
    return float(((first - first.mean()) * (second - second.mean())).mean() / max(spread, 1e-3))


def _step_shares(small: Grey) -> NDArray[np.float64]:
    """For each column, the share of rows whose grey differs by more than 12 between its left and its right side.

    Both sides are medians of three pixels, so that a thin line (a biopsy guide, a box) is no step.
    """
    values = small.astype(np.int16)
    first, second, third = values[:, :-2], values[:, 1:-1], values[:, 2:]
    middle = np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third))
    return np.asarray((np.abs(middle[:, 4:] - middle[:, :-4]) > _STEP).mean(axis=0), dtype=np.float64)
