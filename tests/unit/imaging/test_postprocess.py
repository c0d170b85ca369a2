"""From a probability map to what is outlined."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.postprocess import certainty_of, largest_part, mask_of


def test_certainty_is_the_mean_probability_inside_the_part_and_nothing_beside_it() -> None:
    probability = np.full((40, 40), 100, dtype=np.uint8)
    probability[5:15, 5:15] = 153  # 0.6
    probability[5:15, 10:15] = 255
    probability[30:34, 30:34] = 255  # certain, but a smaller part
    part = largest_part(mask_of(probability, 0.5, 0.002))
    assert part.sum() == 100
    assert certainty_of(probability, part) == pytest.approx(0.8)


def test_nothing_outlined_is_not_certain_of_anything() -> None:
    assert certainty_of(np.full((8, 8), 255, np.uint8), np.zeros((8, 8), np.bool_)) == 0.0
