"""Enhancement changes brightness and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.factories.datasets import speckle
from training.preparation.enhancement import STEPS, enhance

pytestmark = pytest.mark.training


@pytest.mark.parametrize("name", sorted(STEPS))
@pytest.mark.parametrize("shape", [(96, 96), (61, 87), (5, 9)], ids=str)
def test_a_step_keeps_size_and_type_and_its_input(name: str, shape: tuple[int, int]) -> None:
    pixels = np.ascontiguousarray(speckle(3, True)[0][: shape[0], : shape[1]])
    before = pixels.copy()
    changed = enhance(pixels, [name])
    assert (changed.shape, changed.dtype) == (pixels.shape, np.uint8)
    assert np.array_equal(pixels, before)
    assert not np.array_equal(changed, pixels)


def test_no_step_is_the_picture_itself() -> None:
    pixels = speckle(3, True)[0]
    assert np.array_equal(enhance(pixels, []), pixels)


def test_steps_are_applied_in_their_order() -> None:
    pixels = speckle(3, True)[0]
    assert np.array_equal(enhance(pixels, ["median", "clahe"]), STEPS["clahe"](STEPS["median"](pixels)))
    assert not np.array_equal(enhance(pixels, ["median", "clahe"]), enhance(pixels, ["clahe", "median"]))


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(KeyError, match="sharpen"):
        enhance(speckle(3, True)[0], ["sharpen"])


def test_histogram_equalisation_uses_the_whole_range() -> None:
    changed = enhance((speckle(3, True)[0] // 4 + 60).astype(np.uint8), ["histogram"])
    assert (changed.min(), changed.max()) == (0, 255)


def test_the_median_takes_single_bright_pixels() -> None:
    pixels = np.full((40, 40), 80, dtype=np.uint8)
    pixels[20, 20] = 255
    assert (enhance(pixels, ["median"]) == 80).all()
