"""BrEaST: the radiologists' words come along, and every fold holds every kind of lesion."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.factories.datasets import SIDE, write_breast
from training import datasets
from training.datasets import breast
from training.datasets.sample import FOLDS

pytestmark = pytest.mark.training


def test_a_patient_is_a_sample_with_descriptors_category_and_pixel_size(tmp_path: Path) -> None:
    first, second = breast.read(write_breast(tmp_path))[:2]
    assert (first.source, first.label, first.group) == ("breast", "benign", "breast-case000")
    assert (second.details["birads"], second.details["posterior"]) == ("5", "shadowing")
    assert set(breast.DESCRIPTORS) <= set(first.details)
    assert first.details["pixel_mm"] == "0.20000"  # 0.1 mm in the original, which was twice as wide
    assert first.mask(SIDE, SIDE).any()


def test_a_patient_without_a_lesion_has_no_mask(tmp_path: Path) -> None:
    normal = next(sample for sample in breast.read(write_breast(tmp_path)) if sample.label == "normal")
    assert normal.masks == ()
    assert not normal.mask(SIDE, SIDE).any()


def test_the_folds_share_out_classes_alike_and_are_the_same_every_time(tmp_path: Path) -> None:
    samples = breast.read(write_breast(tmp_path, patients=60))
    counts = Counter((sample.label, sample.fold) for sample in samples)
    for label in ("benign", "malignant", "normal"):
        held = [counts[label, fold] for fold in range(FOLDS)]
        assert max(held) - min(held) <= 1
    again = breast.read(tmp_path)
    assert [sample.fold for sample in again] == [sample.fold for sample in samples]


def test_no_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected index\.csv"):
        datasets.READERS["breast"](tmp_path)
