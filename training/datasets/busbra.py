"""BUS-BRA: Gómez-Flores et al. 2024, Medical Physics 51:3110; free use with citation.

Two layouts are read: the compact one (`index.csv`, `images/*.webp`, `masks/*.png`) and the published one
(`bus_data.csv`, `5-fold-cv.csv`, `Images/*.png`, `Masks/mask_*.png`). Folds are the official ones, by patient.
"""

from __future__ import annotations

import csv
from pathlib import Path

from training.datasets.sample import Sample


def read(folder: Path) -> list[Sample]:
    """Read BUS-BRA from `folder`.

    Raises:
        FileNotFoundError: the folder holds neither layout.
    """
    if (folder / "index.csv").is_file():
        return _read_compact(folder)
    for root in (folder, folder / "BUSBRA"):
        if (root / "bus_data.csv").is_file():
            return _read_published(root)
    raise FileNotFoundError(f"No BUS-BRA data in {folder}: expected index.csv or bus_data.csv.")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _read_compact(folder: Path) -> list[Sample]:
    return [
        Sample(
            identifier=row["id"],
            source="busbra",
            label=row["label"],
            fold=int(row["fold"]),
            group=f"busbra-{row['case']}",
            picture=folder / "images" / f"{row['id']}.webp",
            masks=(folder / "masks" / f"{row['id']}.png",),
            details={name: row[name] for name in ("birads", "histology", "device", "side")},
        )
        for row in _rows(folder / "index.csv")
    ]


def _read_published(folder: Path) -> list[Sample]:
    folds = {row["ID"]: int(row["kFold"]) - 1 for row in _rows(folder / "5-fold-cv.csv")}
    return [
        Sample(
            identifier=row["ID"],
            source="busbra",
            label=row["Pathology"].lower(),
            fold=folds[row["ID"]],
            group=f"busbra-{row['Case']}",
            picture=folder / "Images" / f"{row['ID']}.png",
            masks=(folder / "Masks" / f"{row['ID'].replace('bus', 'mask', 1)}.png",),
            details={
                "birads": row["BIRADS"],
                "histology": row["Histology"],
                "device": row["Device"],
                "side": row["Side"],
            },
        )
        for row in _rows(folder / "bus_data.csv")
    ]
