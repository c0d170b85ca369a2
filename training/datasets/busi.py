"""BUSI: Al-Dhabyani et al. 2020, Data in Brief 28:104863, CC BY 4.0.

Two layouts are read: the compact one (`index.csv`, `images/`, `masks/`) that carries grouped folds, and the published
one (`Dataset_BUSI_with_GT/benign/benign (1).png`, `benign (1)_mask.png`, `benign (1)_mask_1.png`), for which near
copies are grouped here by the same rule.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from training.datasets.near_copies import grouped_folds
from training.datasets.sample import LABELS, Sample


def read(folder: Path) -> list[Sample]:
    """Read BUSI from `folder`.

    Raises:
        FileNotFoundError: the folder holds neither layout.
    """
    if (folder / "index.csv").is_file():
        return _read_compact(folder)
    published = [path for path in (folder, folder / "Dataset_BUSI_with_GT") if (path / "benign").is_dir()]
    if not published:
        raise FileNotFoundError(
            f"No BUSI data in {folder}: expected index.csv or the folders benign, malignant, normal."
        )
    return _read_published(published[0])


def _read_compact(folder: Path) -> list[Sample]:
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    samples = []
    for row in rows:
        mask = folder / "masks" / f"{row['id']}.png"
        samples.append(
            Sample(
                identifier=row["id"],
                source="busi",
                label=row["label"],
                fold=int(row["fold"]),
                group=f"busi-{row['group']}",
                picture=folder / "images" / f"{row['id']}.webp",
                masks=(mask,) if row["label"] != "normal" and mask.is_file() else (),
                is_conflicting=row["conflict"] == "1",
            )
        )
    return samples


def _read_published(folder: Path) -> list[Sample]:
    ungrouped = []
    for label in LABELS:
        for picture in sorted((folder / label).glob("*.png")):
            if "_mask" in picture.stem:
                continue
            masks = tuple(sorted((folder / label).glob(f"{_escaped(picture.stem)}_mask*.png")))
            number = re.sub(r"\D", "", picture.stem).zfill(3)
            ungrouped.append(
                Sample(
                    identifier=f"{label}_{number}",
                    source="busi",
                    label=label,
                    fold=0,
                    group="",
                    picture=picture,
                    masks=masks if label != "normal" else (),
                )
            )
    return grouped_folds(ungrouped, prefix="busi")


def _escaped(stem: str) -> str:
    return stem.replace("[", "[[]")
