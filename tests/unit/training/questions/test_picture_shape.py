"""The same lesion in pictures of other shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.figures.test_figures import predictions
from training.datasets.sample import Sample
from training.fitting.calibrate import calibrate
from training.fitting.predict import Predictions
from training.preparation.splits import Split
from training.questions.picture_shape import MOST, SHAPES, cut, evenly, measured

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


def test_what_is_counted_per_shape_is_what_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pixels, mask = np.full((300, 420), 90, np.uint8), np.zeros((300, 420), np.uint8)
    mask[40:60, 10:400] = 255
    for name, content in (("picture", pixels), ("mask", mask)):
        Image.fromarray(content).save(tmp_path / f"{name}.png")
    paths = (tmp_path / "picture.png", (tmp_path / "mask.png",))
    lesions = [Sample(str(n), "busi", "benign", 0, str(n), *paths) for n in range(8)]

    def told(trained: object, recipe: object, samples: list[Sample]) -> Predictions:
        stands = np.asarray([sample.pixels().shape[0] > sample.pixels().shape[1] for sample in samples])
        part = replace(predictions(["benign"] * len(samples), np.zeros((len(samples), 3))), samples=samples)
        part.logits[:, 2] = np.where(stands, 9, -9)  # holds whatever stands upright for normal
        return part

    monkeypatch.setattr("training.questions.picture_shape.predict", told)
    fit = predictions(["normal", "benign", "malignant"] * 20, 4 * np.tile(np.eye(3)[[2, 0, 1]], (20, 1)))
    split = Split(train=[], tune=[], test=lesions, protocol="grouped")
    found = measured(None, {}, calibrate(fit, fit.embeddings), split)["busi"]  # type: ignore[arg-type]
    assert {name: figures["held_for_normal"]["value"] for name, figures in found.items()} == {
        "as they are": 0.0, "height 0.65 of the width": 0.0, "height 0.8 of the width": 0.0,
        "height 1.0 of the width": 0.0, "height 1.25 of the width": 1.0, "height 1.5 of the width": 1.0,
    }  # fmt: skip
    assert found["as they are"]["lesion_cut"]["value"] == 0
    assert found["height 1.0 of the width"]["lesion_cut"]["value"] == 1


def test_many_pictures_are_thinned_evenly_and_few_are_all_kept() -> None:
    many = [Sample(str(n), "busi", "benign", 0, "g", Path("none"), ()) for n in range(3 * MOST)]
    kept = evenly(many)
    assert len({one.identifier for one in kept}) == MOST
    assert (kept[0], kept[-1]) == (many[0], many[-1])
    assert evenly(many[:5]) == many[:5]
