"""Where in a DICOM ultrasound picture the tissue is (PS3.3 C.8.5.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from imaging.dicom.optional import LEFT_OUT, items, whole
from imaging.formats.validate import LONGEST_RATIO, SMALLEST_SIDE_PX
from imaging.picture import Objection, Origin
from imaging.preprocess import Grey

_TWO_DIMENSIONAL, _TISSUE = 1, 1
CUT = "The picture was cut to the ultrasound area that the file names."
BLANKED = "Everything outside the ultrasound areas that the file names was blanked."
NO_REGION = LEFT_OUT.format(what="ultrasound areas")
SEVERAL = Objection(
    "several_panels", "The file names several pictures of tissue in one. Export each of them by itself."
)
_CORNERS = ("RegionLocationMinY0", "RegionLocationMinX0", "RegionLocationMaxY1", "RegionLocationMaxX1")
Box = tuple[int, int, int, int]  # top, left, bottom, right (exclusive)


@dataclass(frozen=True)
class Tissue:
    """The areas of tissue that a file names, those inside another left out, with the items that name them."""

    boxes: tuple[Box, ...] = ()
    regions: tuple[Dataset, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def objection(self) -> Objection | None:
        """Two pictures of tissue in one are two pictures."""
        return SEVERAL if len(self.boxes) > 1 else None

    def origin(self, height: int, width: int) -> Origin:
        """What of a frame is read: the one area of tissue, else all of it."""
        if len(self.boxes) != 1:
            return Origin.whole(height, width)
        top, left, bottom, right = self.boxes[0]
        return Origin(top, left, bottom - top, right - left, height, width)


def tissue_of(dataset: Dataset, height: int, width: int) -> Tissue:
    """The regions that are two-dimensional pictures of tissue and large enough to be read.

    Others are left out with a notice; one that lies within another is part of it.
    """
    named = [
        region
        for region in items(dataset, "SequenceOfUltrasoundRegions")
        if whole(region, "RegionSpatialFormat") == _TWO_DIMENSIONAL and whole(region, "RegionDataType") == _TISSUE
    ]
    boxes = {index: box for index, region in enumerate(named) if (box := _box(region, height, width)) is not None}
    outer: dict[Box, Dataset] = {}
    for index, box in boxes.items():
        if not any(_lies_in(box, other) and box != other for other in boxes.values()):
            outer.setdefault(box, named[index])
    notices = (NO_REGION,) if len(boxes) < len(named) else ()
    return Tissue(tuple(outer), tuple(outer.values()), notices)


def cut_to(tissue: Tissue, pixels: Grey) -> tuple[Grey, tuple[str, ...]]:
    """Keep what lies inside the areas of tissue: names and dates are burned in around them.

    One area is cut out; several stay in place, with everything else black.

    Returns:
        uint8 pixels, and a notice where something was taken away.
    """
    if not tissue.boxes or (0, 0, *pixels.shape) in tissue.boxes:
        return pixels, ()
    if len(tissue.boxes) == 1:
        top, left, bottom, right = tissue.boxes[0]
        return np.ascontiguousarray(pixels[top:bottom, left:right]), (CUT,)
    kept = np.zeros_like(pixels)
    for top, left, bottom, right in tissue.boxes:
        kept[top:bottom, left:right] = pixels[top:bottom, left:right]
    return kept, (BLANKED,)


def _lies_in(box: Box, other: Box) -> bool:
    return other[0] <= box[0] and other[1] <= box[1] and box[2] <= other[2] and box[3] <= other[3]


def _box(region: Dataset, height: int, width: int) -> Box | None:
    """The standard's corners are inclusive. None for a box outside the picture, or too small or narrow to be read."""
    values = [whole(region, name) for name in _CORNERS]
    if None in values:
        return None
    top, left, bottom, right = (value for value in values if value is not None)
    bottom, right = min(bottom + 1, height), min(right + 1, width)
    sides = sorted((bottom - top, right - left))
    if min(top, left) < 0 or sides[0] < SMALLEST_SIDE_PX or sides[1] > LONGEST_RATIO * sides[0]:
        return None
    return top, left, bottom, right
