"""Where in a DICOM ultrasound picture the tissue is, and how large a pixel is there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from imaging.picture import Spacing
from imaging.preprocess import Grey

_TWO_DIMENSIONAL, _TISSUE, _CENTIMETRES = 1, 1, 3
_SMALLEST_MM, _LARGEST_MM = 0.005, 2.0
_SQUARE_WITHIN = 0.01
CUT = "The picture was cut to the ultrasound area that the file names."
BLANKED = "Everything outside the ultrasound areas that the file names was blanked."
NOT_SQUARE = "The file gives pixels that are not square, so sizes are not given in millimetres."

_SPACINGS = (
    ("PixelSpacing", "DICOM Pixel Spacing"),
    ("ImagerPixelSpacing", "DICOM Imager Pixel Spacing"),
    ("NominalScannedPixelSpacing", "DICOM Nominal Scanned Pixel Spacing"),
)


def tissue_regions(dataset: Dataset) -> list[Dataset]:
    """The regions that are two-dimensional pictures of tissue (PS3.3 C.8.5.5.1)."""
    regions = dataset.get("SequenceOfUltrasoundRegions") or []
    return [
        region
        for region in regions
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL and region.get("RegionDataType") == _TISSUE
    ]


def cut_to_region(dataset: Dataset, pixels: Grey) -> tuple[Grey, tuple[str, ...]]:
    """Keep what lies inside the tissue regions: names and dates are burned in around them.

    One region is cut out; several stay in place, with everything else black. Boxes outside the picture are ignored.

    Returns:
        uint8 pixels, and a notice where something was taken away.
    """
    height, width = pixels.shape
    boxes = [box for region in tissue_regions(dataset) if (box := _box(region, height, width)) is not None]
    if not boxes or (0, 0, height, width) in boxes:
        return pixels, ()
    if len(set(boxes)) == 1:
        top, left, bottom, right = boxes[0]
        return np.ascontiguousarray(pixels[top:bottom, left:right]), (CUT,)
    kept = np.zeros_like(pixels)
    for top, left, bottom, right in boxes:
        kept[top:bottom, left:right] = pixels[top:bottom, left:right]
    return kept, (BLANKED,)


def spacing_of(dataset: Dataset) -> tuple[Spacing | None, tuple[str, ...]]:
    """Millimetres per pixel: from the ultrasound regions where they agree, else from a spacing tag.

    Returns:
        None where the file gives none, with a notice where its pixels are not square.
    """
    pairs = [pair for region in tissue_regions(dataset) if (pair := _region_mm(region)) is not None]
    if pairs:
        is_one_scale = all(_is_near(pair[0], pairs[0][0]) and _is_near(pair[1], pairs[0][1]) for pair in pairs)
        return _square(pairs[0], "DICOM ultrasound region (Physical Delta)") if is_one_scale else (None, ())
    for name, source in _SPACINGS:
        values = dataset.get(name)
        if values is not None and not isinstance(values, (str, float)) and len(values) == 2:
            return _square((float(values[0]), float(values[1])), source)
    return None, ()


def _square(pair: tuple[float, float], source: str) -> tuple[Spacing | None, tuple[str, ...]]:
    if not all(_SMALLEST_MM <= value <= _LARGEST_MM for value in pair):
        return None, ()
    if not _is_near(*pair):
        return None, (NOT_SQUARE,)
    return Spacing(math.sqrt(pair[0] * pair[1]), source), ()


def _region_mm(region: Dataset) -> tuple[float, float] | None:
    if region.get("PhysicalUnitsXDirection") != _CENTIMETRES or region.get("PhysicalUnitsYDirection") != _CENTIMETRES:
        return None
    delta: tuple[Any, Any] = (region.get("PhysicalDeltaX"), region.get("PhysicalDeltaY"))
    if delta[0] is None or delta[1] is None:
        return None
    return abs(float(delta[0])) * 10.0, abs(float(delta[1])) * 10.0


def _box(region: Dataset, height: int, width: int) -> tuple[int, int, int, int] | None:
    """Top, left, bottom, right (exclusive); the standard's corners are inclusive."""
    names = ("RegionLocationMinY0", "RegionLocationMinX0", "RegionLocationMaxY1", "RegionLocationMaxX1")
    values = [region.get(name) for name in names]
    if not all(isinstance(value, int) for value in values):
        return None
    top, left, bottom, right = (int(value) for value in values if value is not None)
    bottom, right = min(bottom + 1, height), min(right + 1, width)
    if not (0 <= top < bottom and 0 <= left < right):
        return None
    return top, left, bottom, right


def _is_near(first: float, second: float) -> bool:
    return abs(first - second) <= _SQUARE_WITHIN * max(first, second)
