"""What can be measured on an outlined lesion, and the field's descriptor for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.picture import Spacing
from imaging.preprocess import Grey


@dataclass(frozen=True)
class Descriptor:
    """One BI-RADS descriptor.

    Attributes:
        name: shape, orientation, margin, echo pattern or posterior features.
        term: the field's term, for instance "parallel".
        value: the measured number that the term rests on; unit: its unit or what it is.
        meaning: one plain sentence for a person, saying what was measured, never what they have.
    """

    name: str
    term: str
    value: float
    unit: str
    meaning: str


@dataclass(frozen=True)
class Lesion:
    """Measurements of one lesion, in pixels of the picture; millimetres only where the file gave a spacing.

    Attributes:
        area_px: pixels; bbox: top, left, bottom, right (exclusive).
        width_px, height_px: of the box; longest_axis_px: greatest distance between two outline points (Feret).
        circularity: 4 pi area / perimeter^2, 1 for a disc. solidity: area over convex hull area.
        contrast_db: mean echo of the lesion against the ring around it, 20 log10(lesion / ring).
        posterior_db: mean echo below the lesion against tissue beside it at the same depth.
        parts: number of connected parts of the whole mask.
        spacing_mm: millimetres per pixel or None; spacing_source says where it came from.
    """

    area_px: int
    bbox: tuple[int, int, int, int]
    width_px: int
    height_px: int
    longest_axis_px: float
    circularity: float
    solidity: float
    contrast_db: float
    posterior_db: float | None
    parts: int
    spacing_mm: float | None
    spacing_source: str | None
    area_mm2: float | None
    width_mm: float | None
    height_mm: float | None
    longest_axis_mm: float | None
    descriptors: tuple[Descriptor, ...]


def measure(pixels: Grey, mask: NDArray[np.bool_], spacing: Spacing | None) -> Lesion | None:
    """Measure the largest part of a lesion mask.

    Args:
        pixels: uint8 `H x W`; mask: bool `H x W`.

    Returns:
        None for an empty mask.
    """
    raise NotImplementedError
