"""Windows hold the whole lesion or none of it, in shapes that tell nothing of the class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imaging.preprocess import Box
from training.datasets.sample import Sample
from training.fitting import pipeline
from training.preparation.normals import lesion_free_samples
from training.preparation.windows import SHAPES, Window, draw_window, view, with_squares, with_windows

pytestmark = pytest.mark.training


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Six pictures of 300 x 420 px with a lesion of 60 x 80 px, and six normal ones."""
    made = []
    for number in range(12):
        pixels = np.random.default_rng(number).integers(30, 200, (300, 420), dtype=np.uint8)
        mask = np.zeros_like(pixels)
        mask[40:100, 30 + number : 110 + number] = 255
        paths = []
        for kind, content in (("picture", pixels), ("mask", mask)):
            paths.append(tmp_path / f"{kind}{number}.png")
            Image.fromarray(content).save(paths[-1])
        is_normal = number >= 6
        label = "normal" if is_normal else "malignant"
        made.append(Sample(f"p{number}", "busi", label, 0, f"g{number}", paths[0], () if is_normal else (paths[1],)))
    return made


def test_a_window_keeps_the_whole_lesion_or_none_of_it(samples: list[Sample]) -> None:
    views = [one for one in with_windows(samples, 3) if isinstance(one, Window)]
    kept = [one for one in views if one.label == "malignant"]
    assert len(kept) == 18
    for one in kept:
        assert one.mask(*one.pixels().shape).sum() == 60 * 80
    beside = [one for one in views if one.source == "lesion-free"]
    assert beside
    for one in beside:
        assert (one.label, one.mask(*one.pixels().shape).any()) == ("normal", False)


def test_a_window_stays_with_its_group_and_is_drawn_alike_each_time(samples: list[Sample]) -> None:
    first, second = with_windows(samples, 2), with_windows(samples, 2)
    assert first == second
    assert len({one.identifier for one in first}) == len(first)
    groups = {sample.picture: sample.group for sample in samples}
    assert all(one.group == groups[one.picture] for one in first)


def test_other_windows_have_other_names() -> None:
    sample = Sample("one", "busi", "benign", 0, "g", Path("none"), ())
    first, second = (view(sample, Box(0, 0, 120, width), "window0") for width in (140, 141))
    assert first.identifier != second.identifier


def test_shapes_are_alike_with_a_lesion_and_without(samples: list[Sample]) -> None:
    generator = np.random.default_rng(1)
    whole, lesion = Box(0, 0, 300, 420), Box(40, 30, 100, 110)
    for kept in (lesion, None):
        drawn = [draw_window(whole, kept, 2, generator) for _ in range(400)]
        shapes = np.asarray([window.height / window.width for window in drawn if window is not None])
        assert len(shapes) == 400
        assert SHAPES[0] * 0.98 < shapes.min() < 0.65
        assert 1.5 < shapes.max() < SHAPES[1] * 1.02
        assert np.median(shapes) == pytest.approx(1.0, abs=0.1)


def test_where_no_window_fits_there_is_none() -> None:
    generator = np.random.default_rng(1)
    assert draw_window(Box(0, 0, 40, 400), None, 1, generator) is None
    assert draw_window(Box(0, 0, 200, 200), Box(0, 0, 200, 200), 1, generator) is None


def test_squares_lie_beside_the_lesion_and_are_normal(samples: list[Sample]) -> None:
    squares = [one for one in with_squares(samples) if isinstance(one, Window)]
    assert len(squares) == 6  # one of each lesion picture, none of a normal one
    for one in squares:
        height, width = one.pixels().shape
        assert height == width >= 110
        assert (one.source, one.label, one.mask(height, width).any()) == ("lesion-free", "normal", False)


def test_the_squares_of_a_reported_part_are_named_after_their_hospital(samples: list[Sample]) -> None:
    reported = lesion_free_samples(samples)
    assert [(one.identifier, one.source, one.label) for one in reported] == [
        (f"p{number}_lesion_free", "busi_lesion_free", "normal") for number in range(6)
    ]
    squares = [one for one in with_squares(samples) if isinstance(one, Window)]
    assert all(np.array_equal(one.pixels(), other.pixels()) for one, other in zip(reported, squares, strict=True))


def test_a_recipe_says_which_parts_of_pictures_its_networks_learn_from(samples: list[Sample]) -> None:
    lesion_free = {"lesion-free": {"normal": 0.1}}
    plain: dict[str, Any] = {"segmentation": {}, "classification": {"sampling": {}}}
    assert pipeline.shown(plain, samples) == (samples, samples)
    squares = plain | {"classification": {"sampling": lesion_free}}
    assert pipeline.shown(squares, samples) == (with_squares(samples), with_squares(samples))
    assert pipeline.shown(squares | {"windows": 1}, samples) == (with_windows(samples, 1), with_windows(samples, 1))
