"""Mini-MIAS mammograms: Suckling et al. 1994; research use only.

The compact layout is read: `index.csv` with a row a finding, `images/*.webp`. Two breasts of a patient stay in one
fold. Findings are marked by a circle in a frame of 1024 px whose origin lies at the bottom left.
"""

from __future__ import annotations

import csv
from pathlib import Path

from training.datasets.patient_folds import gravest, patient_folds
from training.datasets.sample import Circle, Sample

FRAME = 1024

Row = dict[str, str]


def read(folder: Path) -> list[Sample]:
    """Read MIAS from `folder`: a sample a picture, labelled by its gravest finding.

    Raises:
        FileNotFoundError: the folder holds no index.csv.
    """
    index = folder / "index.csv"
    if not index.is_file():
        raise FileNotFoundError(f"No MIAS data in {folder}: expected index.csv.")
    with index.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pictures: dict[str, list[Row]] = {}
    patients: dict[str, list[str]] = {}
    for row in rows:
        pictures.setdefault(row["id"], []).append(row)
        patients.setdefault(row["patient"], []).append(row["severity"])
    folds = patient_folds(patients)
    return [_sample(folder, findings, folds[findings[0]["patient"]]) for findings in pictures.values()]


def _sample(folder: Path, findings: list[Row], fold: int) -> Sample:
    row = findings[0]
    return Sample(
        identifier=row["id"],
        source="mias",
        label=gravest([finding["severity"] for finding in findings]),
        fold=fold,
        group=f"mias-{row['patient']}",
        picture=folder / "images" / f"{row['id']}.webp",
        masks=(),
        details={name: row[name] for name in ("tissue", "abnormality", "side")},
        circles=tuple(_circle(finding) for finding in findings if finding["x"]),
    )


def _circle(finding: Row) -> Circle:
    return Circle(float(finding["x"]), FRAME - float(finding["y"]), float(finding["radius"]), FRAME)
