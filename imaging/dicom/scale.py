"""How large a pixel is, where what the file says of it can be believed, and whether its pixels are square."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from pydicom.dataset import Dataset

from imaging.dicom.optional import LEFT_OUT, is_no_number, number, numbers, whole
from imaging.dicom.regions import Tissue
from imaging.picture import Objection, Origin, Spacing
from imaging.preprocess import Grey

_CENTIMETRES = 3
# A picture of a breast is 2 to 12 cm wide and 1 to 10 cm deep; no ultrasound picture is deeper than the last.
WIDTH_MM, DEPTH_MM = (20.0, 120.0), (10.0, 100.0)
DEEPEST_MM = 240.0
_AGREE_WITHIN, _SQUARE_WITHIN, _MOST_STRETCH = 0.03, 0.01, 4.0
NO_SPACING = LEFT_OUT.format(what="scale")
NO_SIZES = "so sizes are not given in millimetres."
EXACTLY_ONE = f"The file gives a pixel as exactly 1 mm, as programs write that know no scale, {NO_SIZES}"
CONTRADICTING = f"The file's statements on its scale contradict each other, {NO_SIZES}"
IMPLAUSIBLE = "By the file's scale the picture would be {width:.1f} cm wide and {depth:.1f} cm deep, " + NO_SIZES
STRETCHED = "The file's pixels are not square; the picture was stretched so that they are."
NOT_SQUARE = f"The file gives pixels that are far from square, {NO_SIZES}"
TOO_DEEP = "By the file's scale the picture is {depth:.0f} cm deep. Pictures of a breast are not; other organs are."
_SPACINGS = (
    ("PixelSpacing", "DICOM Pixel Spacing"),
    ("ImagerPixelSpacing", "DICOM Imager Pixel Spacing"),
    ("NominalScannedPixelSpacing", "DICOM Nominal Scanned Pixel Spacing"),
)
_SQUARE = (1.0, 1.0)
_REGION = "DICOM ultrasound region (Physical Delta)"
Pair = tuple[float, float]  # millimetres from row to row, from column to column


@dataclass(frozen=True)
class Scale:
    """What a file says of its scale.

    Attributes:
        spacing: of square pixels, None where none can be believed.
        stretch: factors for height and width that make the pixels square, both 1 or more.
        objection: so deep that it is no breast, by a scale that is believed.
    """

    spacing: Spacing | None = None
    stretch: Pair = (1.0, 1.0)
    notices: tuple[str, ...] = ()
    objection: Objection | None = None


def scale_of(dataset: Dataset, tissue: Tissue, origin: Origin) -> Scale:
    """Weigh all statements of a file against each other and against what a breast picture can be.

    Args:
        origin: the part that is read, in pixels of the file.
    """
    statements, notices = _statements(dataset, tissue)
    if not statements:
        stretch = _stretch(_aspect_pair(dataset)) or _SQUARE
        return Scale(None, stretch, notices if stretch == _SQUARE else (*notices, STRETCHED))
    pair, source = statements[0]
    if not all(_is_near(pair[0], other[0]) and _is_near(pair[1], other[1]) for other, _ in statements):
        return Scale(None, notices=(*notices, CONTRADICTING))
    factors = _stretch(pair)
    if factors is None:
        return Scale(None, notices=(*notices, NOT_SQUARE))
    notices = notices if factors == _SQUARE else (*notices, STRETCHED)
    return _judged(pair, source, factors, origin, notices)


def _judged(pair: Pair, source: str, stretch: Pair, origin: Origin, notices: tuple[str, ...]) -> Scale:
    depth, width = origin.height * pair[0], origin.width * pair[1]
    if WIDTH_MM[0] <= width <= WIDTH_MM[1] and DEPTH_MM[0] <= depth <= DEPTH_MM[1]:
        is_square = stretch == _SQUARE
        return Scale(Spacing((pair[0] * pair[1]) ** 0.5 if is_square else min(pair), source), stretch, notices)
    if source == _REGION and DEPTH_MM[1] < depth <= DEEPEST_MM:
        return Scale(None, stretch, notices, Objection("other_organ", TOO_DEEP.format(depth=depth / 10)))
    return Scale(None, stretch, (*notices, IMPLAUSIBLE.format(width=width / 10, depth=depth / 10)))


def squared(pixels: Grey, stretch: Pair, most: int) -> tuple[Grey, float]:
    """Pixels made square, at most `most` of them.

    Returns:
        uint8 pixels, and by how much the whole was shrunk in length to stay within the limit (1: not at all).
    """
    if stretch == _SQUARE:
        return pixels, 1.0
    height, width = (side * factor for side, factor in zip(pixels.shape, stretch, strict=True))
    shrunk = min(1.0, (most / (height * width)) ** 0.5)
    size = (max(1, int(width * shrunk)), max(1, int(height * shrunk)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8), shrunk


def shrunk(spacing: Spacing, factor: float) -> Spacing:
    """The spacing of a picture that was shrunk by a factor in length."""
    return spacing if factor == 1.0 else Spacing(spacing.mm_per_pixel / factor, spacing.source)


def _statements(dataset: Dataset, tissue: Tissue) -> tuple[list[tuple[Pair, str]], tuple[str, ...]]:
    """Every usable statement, the regions' first, and notices on the others."""
    found = [(pair, _REGION) for region in tissue.regions if (pair := _of_region(region)) is not None]
    is_one, is_unusable_one = False, False
    for name, source in _SPACINGS:
        values = numbers(dataset, name)
        if not values:
            is_unusable_one = is_unusable_one or is_no_number(dataset, name)
        elif len(values) != 2 or min(values) <= 0:
            is_unusable_one = True
        elif values[0] == values[1] == 1.0:
            is_one = True
        else:
            magnified = _magnification(dataset) if name == "ImagerPixelSpacing" else 1.0
            found.append(((values[0] / magnified, values[1] / magnified), source))
    notices = (NO_SPACING,) if is_unusable_one else ()
    return found, (*notices, EXACTLY_ONE) if is_one and not found else notices


def _magnification(dataset: Dataset) -> float:
    """How much larger things are at the detector, where Imager Pixel Spacing is measured, than in the body."""
    factor = number(dataset, "EstimatedRadiographicMagnificationFactor")
    return factor if factor is not None and factor > 0 else 1.0


def _of_region(region: Dataset) -> Pair | None:
    if any(whole(region, f"PhysicalUnits{axis}Direction") != _CENTIMETRES for axis in "XY"):
        return None
    across, down = number(region, "PhysicalDeltaX"), number(region, "PhysicalDeltaY")
    return (abs(down) * 10.0, abs(across) * 10.0) if across and down else None


def _aspect_pair(dataset: Dataset) -> Pair:
    """Pixel Aspect Ratio: vertical size over horizontal size, without a unit."""
    values = numbers(dataset, "PixelAspectRatio")
    return (values[0], values[1]) if len(values) == 2 and min(values) > 0 else (1.0, 1.0)


def _stretch(pair: Pair) -> Pair | None:
    """Factors that make pixels of this height and width square, None where they are too far from it to be believed."""
    if max(pair) > _MOST_STRETCH * min(pair):
        return None
    if abs(pair[0] - pair[1]) <= _SQUARE_WITHIN * max(pair):
        return _SQUARE
    return pair[0] / min(pair), pair[1] / min(pair)


def _is_near(first: float, second: float) -> bool:
    return abs(first - second) <= _AGREE_WITHIN * max(first, second)
