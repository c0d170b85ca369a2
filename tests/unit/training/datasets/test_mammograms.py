"""The mammogram data sets in the layouts that people have on their disks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.factories.mammograms import mammogram, write_cbis, write_dicom, write_mias
from training.datasets import cbis_ddsm, dicom, mias
from training.datasets.patient_folds import patient_folds
from training.datasets.sample import FOLDS, Sample
from training.preparation.splits import split

pytestmark = pytest.mark.training


def folds_of(samples: list[Sample]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for sample in samples:
        found.setdefault(sample.group, set()).add(sample.fold)
    return found


def test_folds_are_the_same_in_any_order_and_share_out_the_classes() -> None:
    labels = {str(number): [("benign", "malignant", "normal")[number % 3], "normal"] for number in range(150)}
    folds = patient_folds(labels)
    assert folds == patient_folds(dict(reversed(labels.items())))
    for remainder in range(3):
        own = [folds[str(number)] for number in range(150) if number % 3 == remainder]
        assert [own.count(fold) for fold in range(FOLDS)] == [10] * FOLDS


def test_both_breasts_of_a_patient_lie_in_one_fold(tmp_path: Path) -> None:
    samples = mias.read(write_mias(tmp_path))
    folds = folds_of(samples)
    assert len(folds) == 15
    assert all(len(found) == 1 for found in folds.values())
    for fold in range(FOLDS):
        parts = split(samples, fold)
        groups = [{sample.group for sample in part} for part in (parts.train, parts.tune, parts.test)]
        assert groups[0].isdisjoint(groups[1] | groups[2])
        assert groups[1].isdisjoint(groups[2])


def test_a_mammogram_with_two_findings_is_one_sample_with_the_graver_label(tmp_path: Path) -> None:
    samples = mias.read(write_mias(tmp_path))
    twice = [sample for sample in samples if len(sample.circles) == 2]
    assert len(samples) == 30
    assert [sample.label for sample in twice] == ["malignant"]


def test_a_finding_is_drawn_where_it_lies_counted_from_the_bottom(tmp_path: Path) -> None:
    sample = next(s for s in mias.read(write_mias(tmp_path)) if len(s.circles) == 1)
    mask = sample.mask(*sample.pixels().shape)  # x 256, y 768, radius 80 of 1024 px
    rows, columns = np.nonzero(mask)
    assert (rows.mean(), columns.mean()) == (pytest.approx(32), pytest.approx(32))
    assert mask.sum() == pytest.approx(np.pi * 10**2, rel=0.1)


def test_the_official_test_patients_of_cbis_are_fold_0_and_no_other(tmp_path: Path) -> None:
    samples = cbis_ddsm.read(write_cbis(tmp_path))
    assert {s.identifier for s in samples if s.fold == 0} == {s.identifier for s in samples if "-Test_" in s.identifier}
    assert len({s.fold for s in samples}) > 3


def test_a_patient_who_stands_in_a_test_table_is_trained_on_nowhere(tmp_path: Path) -> None:
    write_cbis(tmp_path)
    test_table = tmp_path / "mass_case_description_test_set.csv"
    train_table = tmp_path / "calc_case_description_train_set.csv"
    train_table.write_text(train_table.read_text().replace("P_00001,", "P_00004,", 1))
    assert "P_00004" in test_table.read_text()
    folds = folds_of(cbis_ddsm.read(tmp_path))
    assert folds["cbis-ddsm-P_00004"] == {0}


def test_cbis_masks_are_told_from_crops_by_their_size(tmp_path: Path) -> None:
    for sample in cbis_ddsm.read(write_cbis(tmp_path)):
        drawn = mammogram(int(sample.group[-5:]), height=160, width=120)
        assert np.array_equal(sample.mask(160, 120), drawn["mass"])
        assert np.abs(sample.pixels().astype(int) - drawn["pixels"]).max() <= 2


def test_benign_without_callback_is_benign(tmp_path: Path) -> None:
    labels = {sample.group[-2:]: sample.label for sample in cbis_ddsm.read(write_cbis(tmp_path))}
    assert [labels[name] for name in ("01", "02", "04", "06")] == ["malignant", "benign", "benign", "malignant"]


def test_a_missing_mammogram_is_named(tmp_path: Path) -> None:
    next(write_cbis(tmp_path).rglob("*P_00003_LEFT_MLO/series/1-1.dcm")).unlink()
    with pytest.raises(FileNotFoundError, match="P_00003_LEFT_MLO"):
        cbis_ddsm.read(tmp_path)


@pytest.mark.parametrize("read", [mias.read, cbis_ddsm.read])
def test_an_empty_folder_is_named(tmp_path: Path, read) -> None:
    with pytest.raises(FileNotFoundError, match="expected"):
        read(tmp_path)


def test_a_large_dicom_is_shrunk_and_an_inverted_one_turned(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(1024, dtype=np.uint16), (512, 1))
    write_dicom(tmp_path / "a.dcm", ramp)
    write_dicom(tmp_path / "b.dcm", 1023 - ramp, "MONOCHROME1")
    plain, turned = dicom.grey(tmp_path / "a.dcm"), dicom.grey(tmp_path / "b.dcm")
    assert plain.shape == (256, 512)
    assert (plain[0, 0], plain[0, -1]) == (0, 255)
    assert np.abs(plain.astype(int) - turned).max() <= 1
    assert dicom.shape(tmp_path / "a.dcm") == (512, 1024)
