"""Numbers of a lesion that a descriptor may rest on: those that the page shows, and finer ones of outline and edge.

All come from one picture and one outline, and none from the file, so that they can be had wherever an outline is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.measures.echo import echo_of, level_db
from imaging.measures.shape import shape_of
from imaging.postprocess import box_of, contours_of, largest_part
from imaging.preprocess import Box, Grey

Mask = NDArray[np.bool_]
Numbers = dict[str, float]

SMOOTHED = (0.05, 0.1, 0.2)  # radius as a share of the lesion's side: what goes with it is jagged
SECTORS = 12
DEPTHS = ((0.0, 0.25), (0.25, 0.5), (0.5, 1.0))  # below the lesion, in heights of it
FEWEST_PIXELS = 30


@dataclass(frozen=True)
class _Lesion:
    """The largest part of an outline, bool `H x W`; `side` is the square root of its pixels."""

    pixels: Grey
    part: Mask
    box: Box

    @property
    def side(self) -> float:
        return math.sqrt(np.count_nonzero(self.part))


def numbers(pixels: Grey, mask: Mask) -> Numbers:
    """Every number by name, of the largest part of a mask that holds something.

    Args:
        pixels: uint8 `H x W`; mask: bool `H x W`.
    """
    part = largest_part(mask)
    box = box_of(part)
    assert box is not None, "an empty mask has no numbers"
    lesion = _Lesion(pixels, part, box)
    return _of_outline(lesion) | _of_echo(lesion, mask) | _of_edge(lesion) | _of_what_lies_below(lesion)


def _of_outline(lesion: _Lesion) -> Numbers:
    shape = shape_of(lesion.part)
    kept = {f"smoothed {share:.0%}": _overlap(_smoothed(lesion, share), lesion.part) for share in SMOOTHED}
    return kept | {
        "circularity": shape.circularity,
        "solidity": shape.solidity,
        "convexity": shape.convexity,
        "aspect": shape.aspect,
        "height to width": math.log(shape.height_to_width),
        "ellipse": _overlap(_ellipse(lesion), lesion.part),
        "area": math.log(np.count_nonzero(lesion.part) / lesion.pixels.size),
    }


def _smoothed(lesion: _Lesion, share: float) -> Mask:
    soft = cv2.GaussianBlur(lesion.part.astype(np.float32), (0, 0), max(1.0, share * lesion.side))
    return np.asarray(soft > 0.5, dtype=np.bool_)


def _ellipse(lesion: _Lesion) -> Mask:
    """The ellipse that fits the outline best; the outline itself where it has too few points for one."""
    points = contours_of(lesion.part)[0]
    if len(points) < 5:
        return lesion.part
    canvas = np.zeros(lesion.part.shape, dtype=np.uint8)
    cv2.ellipse(canvas, cv2.fitEllipse(points), (1,), -1)
    return canvas.astype(np.bool_)


def _overlap(one: Mask, other: Mask) -> float:
    return 2.0 * float((one & other).sum()) / max(float(one.sum() + other.sum()), 1.0)


def _of_echo(lesion: _Lesion, mask: Mask) -> Numbers:
    echo, inside = echo_of(lesion.pixels, mask, lesion.part, lesion.box), lesion.pixels[lesion.part]
    return {
        "contrast": echo.contrast_db,
        "edge": echo.edge_db,
        "posterior": echo.posterior_db or 0.0,
        "level": level_db(inside),
        "unevenness": float(inside.std()) / max(float(inside.mean()), 1.0),
        "bright spots": float(np.percentile(inside, 95) - np.percentile(inside, 50)),
    }


def _of_edge(lesion: _Lesion) -> Numbers:
    """How fast greys rise across the outline, in standard deviations of the inside per pixel: all around, by sector."""
    soft = cv2.GaussianBlur(lesion.pixels.astype(np.float32), (0, 0), max(1.0, 0.02 * lesion.side))
    inside, outside = (
        cv2.distanceTransform(one.astype(np.uint8), cv2.DIST_L2, 5) for one in (lesion.part, ~lesion.part)
    )
    away = np.where(lesion.part, -inside, outside).astype(np.float32)
    across, down = cv2.Sobel(away, cv2.CV_32F, 1, 0), cv2.Sobel(away, cv2.CV_32F, 0, 1)
    rise = cv2.Sobel(soft, cv2.CV_32F, 1, 0) / 8 * across + cv2.Sobel(soft, cv2.CV_32F, 0, 1) / 8 * down
    ring = np.abs(away) <= 2
    steepness = rise[ring] / (np.hypot(across, down)[ring] + 1e-6) / max(float(lesion.pixels[lesion.part].std()), 1.0)
    around = _by_sector(ring, steepness, lesion.part)
    return {
        "steepness": float(steepness.mean()),
        "steepness spread": float(steepness.std()),
        "weak share": float((steepness < 0.02).mean()),
        "weakest sector": float(around.min()),
        "weak quarter": float(np.sort(around)[len(around) // 4]),
        "sector spread": float(around.std()),
    }


def _by_sector(ring: Mask, values: NDArray[np.floating], part: Mask) -> NDArray[np.float64]:
    """float64 `SECTORS`: the mean of `values`, one for each pixel of `ring`, by direction from the middle."""
    rows, columns = np.nonzero(ring)
    middle = [float(axis.mean()) for axis in np.nonzero(part)]
    turn = (np.arctan2(rows - middle[0], columns - middle[1]) + math.pi) / (2 * math.pi)
    sector = (turn * SECTORS).astype(np.int64) % SECTORS
    counts = np.bincount(sector, minlength=SECTORS)
    return np.asarray(np.bincount(sector, weights=values, minlength=SECTORS) / np.maximum(counts, 1), dtype=np.float64)


def _of_what_lies_below(lesion: _Lesion) -> Numbers:
    box, quarter = lesion.box, max(1, lesion.box.width // 4)
    found = {"bottom": box.bottom / lesion.pixels.shape[0]}
    for number, (first, last) in enumerate(DEPTHS):
        top = box.bottom + 2 + int(first * box.height)
        rows = lesion.pixels[top : box.bottom + 2 + max(8, int(last * box.height))]
        below = rows[:, box.left + quarter : max(box.right - quarter, box.left + quarter + 1)]
        beside = np.concatenate(
            [rows[:, max(0, box.left - 2 * quarter) : box.left].ravel(), rows[:, box.right :][:, : 2 * quarter].ravel()]
        )
        found[f"below {number} against beside"] = _against(below, beside)
        found[f"below {number} against all"] = _against(below, rows)
    return found | {"below against inside": _against(_strip_below(lesion), lesion.pixels[lesion.part])}


def _strip_below(lesion: _Lesion) -> Grey:
    box = lesion.box
    return lesion.pixels[box.bottom + 2 :, box.left : box.right][: max(8, box.height // 2)]


def _against(values: Grey, others: NDArray[np.uint8]) -> float:
    """dB of one mean grey over another; 0 where too little is there to tell."""
    return level_db(values) - level_db(others) if min(values.size, others.size) > FEWEST_PIXELS else 0.0
