"""CBIS-DDSM mammograms: Lee et al. 2017, Scientific Data 4:170177, CC BY 3.0.

The official layout is read: `mass_case_description_train_set.csv` and its three sisters, and the DICOM series below a
folder per mammogram (`Mass-Training_P_00001_LEFT_CC`) and per abnormality (`..._LEFT_CC_1`: its crop and its mask).
The paths in the tables do not hold below those folders, and some rows have crop and mask exchanged; so files are
found by folder, and the mask is the one that has the mammogram's size.

Fold 0 is the official test set. Patients who stand in a test table anywhere are in no other fold, though the official
split of masses and that of calcifications disagree on some; the others are dealt to folds 1 to 4.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from training.datasets import dicom
from training.datasets.patient_folds import gravest, patient_folds
from training.datasets.sample import Sample

LABEL_OF = {"MALIGNANT": "malignant", "BENIGN": "benign", "BENIGN_WITHOUT_CALLBACK": "benign"}

Row = dict[str, str]


def read(folder: Path) -> list[Sample]:
    """Read CBIS-DDSM from `folder`: a sample a mammogram, labelled by its gravest abnormality. It has no normals.

    Raises:
        FileNotFoundError: no case description, or a mammogram of theirs without a DICOM file.
    """
    tables = sorted(folder.rglob("*_case_description_*_set.csv"))
    if not tables:
        raise FileNotFoundError(f"No CBIS-DDSM data in {folder}: expected mass_case_description_train_set.csv.")
    rows = [row | {"is_test": "test" if "_test_" in path.name else ""} for path in tables for row in _rows(path)]
    folders = {path.name: path for path in folder.rglob("*_P_*") if path.is_dir()}
    folds = _folds(rows)
    mammograms: dict[str, list[Row]] = {}
    for row in rows:
        mammograms.setdefault(_series(row["image file path"]), []).append(row)
    return [_sample(name, found, folders, folds) for name, found in mammograms.items()]


def _rows(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


def _series(path: str) -> str:
    return path.strip().split("/")[0]


def _label(row: Row) -> str:
    return LABEL_OF[row["pathology"].strip()]


def _folds(rows: list[Row]) -> dict[str, int]:
    tested = {row["patient_id"] for row in rows if row["is_test"]}
    others: dict[str, list[str]] = {}
    for row in rows:
        if row["patient_id"] not in tested:
            others.setdefault(row["patient_id"], []).append(_label(row))
    return dict.fromkeys(tested, 0) | patient_folds(others, first=1)


def _sample(name: str, rows: list[Row], folders: dict[str, Path], folds: dict[str, int]) -> Sample:
    picture = next(iter(_files(folders, name)), None)
    if picture is None:
        raise FileNotFoundError(f"No DICOM file below a folder {name}.")
    masks = [_mask(_files(folders, _series(row["ROI mask file path"])), dicom.shape(picture)) for row in rows]
    row = rows[0]
    return Sample(
        identifier=name,
        source="cbis-ddsm",
        label=gravest([_label(row) for row in rows]),
        fold=folds[row["patient_id"]],
        group=f"cbis-ddsm-{row['patient_id']}",
        picture=picture,
        masks=tuple(mask for mask in masks if mask is not None),
        details={"birads": row["assessment"], "abnormality": row["abnormality type"], "view": row["image view"]},
    )


def _files(folders: dict[str, Path], name: str) -> list[Path]:
    return sorted(folders[name].rglob("*.dcm")) if name in folders else []


def _mask(files: list[Path], mammogram: tuple[int, int]) -> Path | None:
    """The mask among a mask and a crop: a few masks differ from the mammogram by some pixels, so it is the larger."""
    sizes = {path: dicom.shape(path) for path in files}
    largest = max(files, key=lambda path: sizes[path][0] * sizes[path][1], default=None)
    if largest is None or sizes[largest][0] < 0.9 * mammogram[0] or sizes[largest][1] < 0.9 * mammogram[1]:
        return None
    return largest
