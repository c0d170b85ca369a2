"""The data sets in the layouts that people have on their disks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories.datasets import SIDE, write_published_busbra, write_published_busi
from training import datasets
from training.datasets import busbra, busi
from training.datasets.sample import FOLDS
from training.preparation.splits import GROUPED, RANDOM, halves, split

pytestmark = pytest.mark.training


def test_the_published_busi_folders_are_read_and_masks_are_no_pictures(tmp_path: Path) -> None:
    samples = busi.read(write_published_busi(tmp_path))
    assert len(samples) == 17
    assert all("mask" not in sample.picture.stem for sample in samples)


def test_all_masks_of_a_picture_are_joined(tmp_path: Path) -> None:
    first = next(s for s in busi.read(write_published_busi(tmp_path)) if s.identifier == "benign_001")
    assert len(first.masks) == 2
    assert first.mask(SIDE, SIDE)[255, 255]


def test_a_mirrored_copy_shares_its_group_and_fold(tmp_path: Path) -> None:
    by_name = {sample.identifier: sample for sample in busi.read(write_published_busi(tmp_path))}
    assert by_name["benign_001"].group == by_name["benign_006"].group
    assert by_name["benign_001"].fold == by_name["benign_006"].fold
    assert by_name["benign_001"].group != by_name["benign_002"].group


def test_a_normal_picture_has_an_empty_mask(tmp_path: Path) -> None:
    normal = next(s for s in busi.read(write_published_busi(tmp_path)) if s.label == "normal")
    assert not normal.mask(SIDE, SIDE).any()


def test_busbra_keeps_the_two_pictures_of_a_patient_together(tmp_path: Path) -> None:
    samples = busbra.read(write_published_busbra(tmp_path / "busbra"))
    folds: dict[str, set[int]] = {}
    for sample in samples:
        folds.setdefault(sample.group, set()).add(sample.fold)
    assert all(len(found) == 1 for found in folds.values())
    assert {sample.fold for sample in samples} == set(range(FOLDS))


@pytest.mark.parametrize("source", ["busi", "busbra"])
def test_an_empty_folder_is_named(tmp_path: Path, source: str) -> None:
    with pytest.raises(FileNotFoundError, match="expected"):
        datasets.READERS[source](tmp_path)


def test_copies_whose_labels_contradict_each_other_are_marked(tmp_path: Path) -> None:
    samples = busi.read(write_published_busi(tmp_path))
    assert {sample.identifier for sample in samples if sample.is_conflicting} == {"benign_002", "malignant_006"}


def test_conflicting_copies_are_tuned_and_reported_on_and_only_the_leaking_split_trains_on_them(
    tmp_path: Path,
) -> None:
    samples = busi.read(write_published_busi(tmp_path))
    conflicting = {sample.identifier for sample in samples if sample.is_conflicting}

    def met(part: str, protocol: str) -> set[str]:
        parts = [getattr(split(samples, fold, protocol), part) for fold in range(FOLDS)]
        return conflicting & {sample.identifier for part in parts for sample in part}

    assert met("train", GROUPED) == set()
    assert met("tune", GROUPED) == met("test", GROUPED) == met("train", RANDOM) == conflicting


def test_no_group_crosses_the_parts(tmp_path: Path) -> None:
    samples = busi.read(write_published_busi(tmp_path)) + busbra.read(write_published_busbra(tmp_path / "busbra"))
    for fold in range(FOLDS):
        parts = split(samples, fold)
        groups = [{sample.group for sample in part} for part in (parts.train, parts.tune, parts.test)]
        assert not groups[0] & groups[1]
        assert not groups[0] & groups[2]
        assert not groups[1] & groups[2]


def test_the_halves_for_out_of_fold_masks_share_no_group(tmp_path: Path) -> None:
    samples = busbra.read(write_published_busbra(tmp_path / "busbra", cases=30))
    first, second = halves(samples)
    assert {s.group for s in first}.isdisjoint({s.group for s in second})
    assert min(len(first), len(second)) > 10


def test_the_digest_of_a_split_tells_another_split(tmp_path: Path) -> None:
    samples = busbra.read(write_published_busbra(tmp_path / "busbra"))
    assert split(samples, 0).digest == split(samples[::-1], 0).digest
    assert split(samples, 0).digest != split(samples, 1).digest
