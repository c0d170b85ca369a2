"""The Dice coefficient."""

from __future__ import annotations

import numpy as np

from imaging.statistics.agreement import dice


def test_half_covered_masks() -> None:
    one, other = np.zeros((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    one[:, :2] = other[:, 1:3] = True
    assert dice(one, other) == 0.5


def test_empty_masks_agree_and_a_speck_against_nothing_does_not() -> None:
    empty = np.zeros((4, 4), dtype=bool)
    speck = empty.copy()
    speck[0, 0] = True
    assert dice(empty, empty) == 1.0
    assert dice(speck, empty) == 0.0
