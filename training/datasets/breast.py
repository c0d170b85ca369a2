"""BrEaST, the Polish set with the radiologists' own words: Pawlowska et al. 2024, Scientific Data 11:148, CC BY 4.0.

The compact layout is read: `index.csv`, `images/*.webp`, `masks/*.png`. One picture a patient, every cancer proven by
biopsy. The set publishes no folds; those made here share out classes and BI-RADS categories alike.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from training.datasets.sample import FOLDS, Sample

DESCRIPTORS = ("shape", "margin", "echogenicity", "posterior", "calcifications")
SEED = "breast-2024"  # of the folds; another one deals them anew, and every figure with them

Row = dict[str, str]


def read(folder: Path) -> list[Sample]:
    """Read BrEaST from `folder`: a sample a patient, with BI-RADS, descriptors and millimetres per stored pixel.

    Raises:
        FileNotFoundError: the folder holds no index.csv.
    """
    index = folder / "index.csv"
    if not index.is_file():
        raise FileNotFoundError(f"No BrEaST data in {folder}: expected index.csv.")
    with index.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    folds = _folds(rows)
    return [_sample(folder, row, folds[row["patient"]]) for row in rows]


def _sample(folder: Path, row: Row, fold: int) -> Sample:
    pixel_mm = 10 * float(row["pixel_size_cm"]) * int(row["width"]) / int(row["stored_width"])
    return Sample(
        identifier=row["id"],
        source="breast",
        label=row["label"],
        fold=fold,
        group=f"breast-{row['patient']}",
        picture=folder / "images" / f"{row['id']}.webp",
        masks=(folder / "masks" / f"{row['id']}.png",) if row["mask"] == "yes" else (),
        details={name: row[name] for name in ("birads", *DESCRIPTORS)} | {"pixel_mm": f"{pixel_mm:.5f}"},
    )


def _folds(rows: list[Row]) -> dict[str, int]:
    """A fold for every patient, dealt one by one in the order of class, BI-RADS and a hash of the patient's name."""
    order = sorted(rows, key=lambda row: (row["label"], row["birads"], _hash(row["patient"])))
    return {row["patient"]: place % FOLDS for place, row in enumerate(order)}


def _hash(patient: str) -> str:
    return hashlib.sha256(f"{SEED}/{patient}".encode()).hexdigest()
