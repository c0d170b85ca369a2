"""What near copies are worth to whoever merely recognises pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.datasets.sample import LABELS, Sample
from training.questions.nearest_picture import answer, compared, similarity, thumbnail

pytestmark = pytest.mark.training


def copies(folder: Path, count: int = 30) -> list[Sample]:
    """Pairs of one noise picture and its mirrored copy, in one group and fold, with labels that follow no rule."""
    samples = []
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 256, (64, 64), dtype=np.uint8)
        for name, image in ((f"{index}a", pixels), (f"{index}b", pixels[:, ::-1])):
            path = folder / f"{name}.png"
            Image.fromarray(np.ascontiguousarray(image)).save(path)
            samples.append(Sample(name, "busi", LABELS[index % 3], index % 5, str(index), path, ()))
    return samples


def test_a_mirrored_copy_is_the_most_similar_picture(tmp_path: Path) -> None:
    samples = copies(tmp_path, 3)
    likeness = similarity(np.stack([thumbnail(sample) for sample in samples]))
    np.fill_diagonal(likeness, -1)
    assert likeness.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4]
    assert likeness[0, 1] == pytest.approx(1, abs=1e-5)


def test_a_picture_of_the_own_fold_is_never_asked() -> None:
    likeness = np.asarray([[1, 0.9, 0.1], [0.9, 1, 0.2], [0.1, 0.2, 1]], dtype=np.float32)
    assert answer(likeness, np.asarray([0, 1, 2]), np.asarray([0, 0, 1])).tolist() == [2, 2, 1]


def test_a_random_split_rewards_recognising_and_a_grouped_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 30)
    found = compared(copies(tmp_path))
    assert found["random"]["accuracy"]["value"] > found["grouped"]["accuracy"]["value"] + 0.3


def test_without_near_copies_there_is_no_figure_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 30)
    single = [replace(sample, group=sample.identifier) for sample in copies(tmp_path) if sample.identifier[-1] == "a"]
    assert set(compared(single)["random"]) == {"accuracy", "balanced_accuracy"}
