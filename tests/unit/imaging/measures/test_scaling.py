"""Large pictures are read small and answered large."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.measures.measure import measure
from imaging.measures.scaling import LONGEST_SIDE, enlarged_heat, enlarged_mask, in_pixels_of, reduced
from imaging.picture import Picture, Spacing
from imaging.statistics.agreement import dice


def large() -> tuple[Picture, np.ndarray]:
    pixels = np.full((2000, 3000), 150, dtype=np.uint8)
    mask = np.zeros((2000, 3000), dtype=np.bool_)
    mask[600:1200, 900:2100] = True
    pixels[mask] = 40
    return Picture(pixels, "png", spacing=Spacing(0.02, "the file")), mask


def test_a_small_picture_is_read_as_it_is() -> None:
    picture = Picture(np.zeros((300, 400), dtype=np.uint8), "png")
    assert reduced(picture) is picture


def test_the_longer_side_is_bounded_and_the_spacing_grows_with_it() -> None:
    small = reduced(large()[0])
    assert max(small.height, small.width) == LONGEST_SIDE
    assert small.spacing is not None
    assert small.spacing.mm_per_pixel * small.width == pytest.approx(0.02 * 3000, rel=1e-3)


def test_masks_and_heat_come_back_at_the_pictures_size() -> None:
    picture, mask = large()
    small = reduced(picture)
    back = enlarged_mask(small.pixels < 100, picture)
    assert back.shape == picture.pixels.shape
    assert dice(back, mask) > 0.99
    assert enlarged_heat(small.pixels, picture).shape == picture.pixels.shape


def test_measurements_agree_with_those_of_the_full_picture() -> None:
    picture, mask = large()
    small = reduced(picture)
    lesion = in_pixels_of(measure(small.pixels, small.pixels < 100, small.spacing), small, picture)
    full = measure(picture.pixels, mask, picture.spacing)
    assert lesion is not None
    assert full is not None
    assert lesion.spacing_mm == full.spacing_mm
    for name in ("area_px", "width_px", "height_px", "longest_axis_px", "area_mm2", "width_mm"):
        assert getattr(lesion, name) == pytest.approx(getattr(full, name), rel=0.02)
