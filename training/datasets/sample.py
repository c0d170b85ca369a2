"""What every data set yields."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.preprocess import Grey, resize

LABELS = ("benign", "malignant", "normal")


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

    @property
    def class_index(self) -> int:
        return LABELS.index(self.label)

    def pixels(self) -> Grey:
        """uint8 `H x W` grey pixels."""
        with Image.open(self.picture) as image:
            return np.asarray(image.convert("L"), dtype=np.uint8)

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """bool `H x W` union of all lesion masks of the picture, resized where a file has another size."""
        union = np.zeros((height, width), dtype=np.uint8)
        for path in self.masks:
            with Image.open(path) as image:
                part = np.asarray(image.convert("L"), dtype=np.uint8)
            union = np.maximum(union, resize(part, height, width))
        return union >= 128
