"""What can be measured on a lesion's mask, and the field's descriptor for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.measures import descriptors
from imaging.measures.descriptors import Descriptor as Descriptor
from imaging.measures.echo import Echo, echo_of
from imaging.measures.shape import Shape, shape_of
from imaging.picture import Spacing
from imaging.postprocess import box_of, largest_part, parts_of
from imaging.preprocess import Grey


@dataclass(frozen=True)
class Lesion:
    """Measurements of one lesion, in pixels of the picture; millimetres only where the file gave a spacing.

    Attributes:
        area_px: pixels; bbox: top, left, bottom, right (exclusive).
        width_px, height_px: of the box; longest_axis_px: greatest distance between two points of the contour (Feret).
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
    lesion = largest_part(mask)
    box = box_of(lesion)
    if box is None:
        return None
    shape, echo = shape_of(lesion), echo_of(pixels, mask, lesion, box)
    millimetres = spacing.mm_per_pixel if spacing is not None else None
    area_px = int(np.count_nonzero(lesion))
    return Lesion(
        area_px=area_px,
        bbox=(box.top, box.left, box.bottom, box.right),
        width_px=box.width,
        height_px=box.height,
        longest_axis_px=shape.longest_axis_px,
        circularity=shape.circularity,
        solidity=shape.solidity,
        contrast_db=echo.contrast_db,
        posterior_db=echo.posterior_db,
        parts=parts_of(mask),
        spacing_mm=millimetres,
        spacing_source=spacing.source if spacing is not None else None,
        area_mm2=_times(area_px, millimetres and millimetres**2),
        width_mm=_times(box.width, millimetres),
        height_mm=_times(box.height, millimetres),
        longest_axis_mm=_times(shape.longest_axis_px, millimetres),
        descriptors=_descriptors(shape, echo),
    )


def _times(value: float, factor: float | None) -> float | None:
    return None if factor is None else value * factor


def _descriptors(shape: Shape, echo: Echo) -> tuple[Descriptor, ...]:
    found = (
        descriptors.shape(shape.solidity, shape.aspect),
        descriptors.orientation(shape.height_to_width),
        descriptors.margin(shape.convexity, echo.edge_db),
        descriptors.echo_pattern(echo.contrast_db),
        descriptors.posterior_features(echo.posterior_db),
    )
    return tuple(descriptor for descriptor in found if descriptor is not None)
