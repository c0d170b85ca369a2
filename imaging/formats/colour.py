"""How much of a picture is in colour, and whether that is one tint over all of it: a monitor's blue, a sepia map.

Doppler, elastography and colour maps have several hues, or colour beside grey: a tint has one hue, and every grey that
is bright enough to carry it has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import Grey

# A pixel counts as coloured when its largest and smallest channel differ by more: JPEG's rounding stays below 12.
COLOURED_ABOVE = 28
_BRIGHT_ENOUGH = (70, 190)  # darker ones carry little colour, brighter ones may burn out to white
_TINTED_SHARE, _ONE_HUE = 0.9, 0.97


@dataclass
class Colours:
    """Counts over the pixels that were added.

    Attributes:
        coloured: how many in colour.
        middle, middle_coloured: how many of a middling brightness, and those in colour among them.
        across, up: sum of the unit vectors of the hues of those in colour.
    """

    coloured: int = 0
    middle: int = 0
    middle_coloured: int = 0
    across: float = 0.0
    up: float = 0.0

    def add_grey(self, grey: Grey) -> None:
        """Count pixels that are in no colour, uint8 `H x W`."""
        self.middle += cv2.countNonZero(_middle(grey))

    def add(self, red: Grey, green: Grey, blue: Grey) -> None:
        """Count the pixels of three planes, uint8 `H x W`."""
        highest = cv2.max(cv2.max(red, green), blue)
        lowest = cv2.min(cv2.min(red, green), blue)
        _, is_coloured = cv2.threshold(cv2.subtract(highest, lowest), COLOURED_ABOVE, 255, cv2.THRESH_BINARY)
        is_middle = _middle(green)
        self.middle += cv2.countNonZero(is_middle)
        if count := cv2.countNonZero(is_coloured):
            self.coloured += count
            self.middle_coloured += cv2.countNonZero(cv2.bitwise_and(is_middle, is_coloured))
            self._add_hues(*(plane[is_coloured > 0].astype(np.float32) for plane in (red, green, blue)))

    def _add_hues(self, red: NDArray[np.float32], green: NDArray[np.float32], blue: NDArray[np.float32]) -> None:
        """The hue is the angle in the plane across the greys (Hanbury 2008, Pattern Recognition Letters 29:494)."""
        across, up = red - (green + blue) / 2, (green - blue) * (math.sqrt(3) / 2)
        length = np.maximum(np.hypot(across, up), 1e-3)
        self.across += float((across / length).sum())
        self.up += float((up / length).sum())

    @property
    def is_tint(self) -> bool:
        """Whether all that is bright enough has one hue."""
        return (
            self.coloured > 0
            and self.middle_coloured > _TINTED_SHARE * self.middle
            and math.hypot(self.across, self.up) > _ONE_HUE * self.coloured
        )


def _middle(plane: Grey) -> Grey:
    return np.asarray(cv2.inRange(plane, *_BRIGHT_ENOUGH), dtype=np.uint8)
