"""The same lesion in pictures of other shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.datasets.sample import Sample
from training.picture_shape import MOST, SHAPES, cut, evenly

pytestmark = pytest.mark.training


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("corner", [(0, 0), (240, 340), (100, 150)])
def test_a_cut_has_the_shape_is_as_large_as_it_can_be_and_keeps_the_lesion(
    shape: float, corner: tuple[int, int], tmp_path: Path
) -> None:
    pixels, mask = np.full((300, 420), 90, np.uint8), np.zeros((300, 420), np.uint8)
    mask[corner[0] : corner[0] + 50, corner[1] : corner[1] + 70] = 255
    for name, content in (("picture", pixels), ("mask", mask)):
        Image.fromarray(content).save(tmp_path / f"{name}.png")
    sample = Sample("one", "busi", "benign", 0, "g", tmp_path / "picture.png", (tmp_path / "mask.png",))
    part = cut(sample, shape)
    height, width = part.pixels().shape
    assert height / width == pytest.approx(shape, rel=0.01)
    assert height == 300 or width == 420
    assert part.mask(height, width).sum() == 50 * 70


def test_many_pictures_are_thinned_evenly_and_few_are_all_kept() -> None:
    many = [Sample(str(n), "busi", "benign", 0, "g", Path("none"), ()) for n in range(3 * MOST)]
    kept = evenly(many)
    assert len({one.identifier for one in kept}) == MOST
    assert (kept[0], kept[-1]) == (many[0], many[-1])
    assert evenly(many[:5]) == many[:5]
