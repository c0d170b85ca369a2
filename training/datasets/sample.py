"""What every data set yields."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.preprocess import Grey, resize
from training.datasets import dicom

LABELS = ("benign", "malignant", "normal")
FOLDS = 5


@dataclass(frozen=True)
class Circle:
    """A finding that is marked by a circle instead of a mask, in pixels of a square frame of `frame` px."""

    x: float
    y: float
    radius: float
    frame: int


@dataclass(frozen=True)
class Sample:
    """One picture with its truth.

    `group` is the unit that must not be split nor resampled apart: near copies in BUSI, a patient in BUS-BRA.
    `fold` is the published or grouped fold, 0 to 4. `is_conflicting` marks near copies with different labels.
    """

    identifier: str
    source: str
    label: str
    fold: int
    group: str
    picture: Path
    masks: tuple[Path, ...]
    is_conflicting: bool = False
    details: dict[str, str] = field(default_factory=dict)
    circles: tuple[Circle, ...] = ()

    @property
    def class_index(self) -> int:
        return LABELS.index(self.label)

    def pixels(self) -> Grey:
        """uint8 `H x W` grey pixels."""
        return _grey(self.picture)

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """bool `H x W` union of all lesion masks of the picture, resized where a file has another size."""
        union = np.zeros((height, width), dtype=np.uint8)
        for path in self.masks:
            union = np.maximum(union, resize(_grey(path), height, width))
        for circle in self.circles:
            _draw(union, circle)
        return union >= 128


def _grey(path: Path) -> Grey:
    if path.suffix == ".dcm":
        return dicom.grey(path)
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.uint8)


def _draw(canvas: Grey, circle: Circle) -> None:
    scale = max(canvas.shape) / circle.frame
    centre = (round(circle.x * scale), round(circle.y * scale))
    cv2.circle(canvas, centre, max(1, round(circle.radius * scale)), 255, thickness=-1)
