"""Several images in one file are declined, above and beside each other, with a gap of any shade; one image is not."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.gate.panels import has_several_panels
from imaging.preprocess import Grey
from tests.factories.pictures import ultrasound

FIRST, SECOND = ultrasound(5, "oval", 300, 400), ultrasound(8, "spiculated", 300, 400)


def gap(size: int, shade: int, is_below: bool) -> Grey:
    return np.full((size, 400) if is_below else (300, size), shade, np.uint8)


@pytest.mark.parametrize("shade", [0, 40, 128, 255])
@pytest.mark.parametrize("size", [4, 16])
def test_05_images_with_a_gap_of_any_shade_are_several(shade: int, size: int) -> None:
    assert has_several_panels(np.vstack([FIRST, gap(size, shade, is_below=True), SECOND]))
    assert has_several_panels(np.hstack([FIRST, gap(size, shade, is_below=False), SECOND]))


@pytest.mark.parametrize("shade", [0, 255])
def test_05_four_images_with_gaps_are_several(shade: int) -> None:
    row = np.hstack([FIRST, gap(8, shade, is_below=False), SECOND])
    assert has_several_panels(np.vstack([row, np.full((8, row.shape[1]), shade, np.uint8), row[:, ::-1]]))


def test_one_image_is_one() -> None:
    for pixels in (FIRST, SECOND, np.vstack([FIRST, np.zeros((90, 400), np.uint8)])):
        assert not has_several_panels(pixels)


def test_a_strip_of_one_shade_beside_an_image_is_no_second_image() -> None:
    assert not has_several_panels(np.hstack([FIRST, np.full((300, 40), 90, np.uint8)]))
