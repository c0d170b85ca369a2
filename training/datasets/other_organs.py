"""Ultrasound that shows no breast: fetal heads, pelvis, lung; for measuring what is refused, never a breast.

`hc18` (van den Heuvel et al. 2018, PLOS ONE 13:e0200412, CC BY 4.0), `psfhs` (Scientific Data 2024, CC BY 4.0) and
`pocus_lung` (Born et al. 2021, Applied Sciences 11:672, a licence a picture, many of them non-commercial).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imaging.preprocess import Grey

ORGANS = {"hc18": "fetal head", "psfhs": "pelvis", "pocus_lung": "lung"}
LINEAR = "lung, linear probe"  # the only ones from a probe that breasts are seen with: told apart wherever counted


@dataclass(frozen=True)
class Stranger:
    """A picture of another organ. `group` is what must not be torn apart, empty where the set does not tell."""

    identifier: str
    organ: str
    group: str
    licence: str
    picture: Path

    @property
    def may_be_learned_from(self) -> bool:
        """Whether its licence allows a network that learned from it to be used by anybody, businesses too."""
        return "NC" not in self.licence

    def pixels(self) -> Grey:
        """uint8 `H x W` grey pixels."""
        with Image.open(self.picture) as image:
            return np.asarray(image.convert("L"), dtype=np.uint8)


def read(folder: Path) -> list[Stranger]:
    """Read the sets that are in `folder`, each in a folder of its name with `index.csv` and `images/*.webp`.

    Raises:
        FileNotFoundError: there is none of them.
    """
    indexes = {name: folder / name / "index.csv" for name in ORGANS}
    found = [stranger for name, index in indexes.items() if index.is_file() for stranger in _read(index, ORGANS[name])]
    if not found:
        raise FileNotFoundError(f"No pictures of other organs in {folder}: expected one of {', '.join(ORGANS)}.")
    return found


def _read(index: Path, organ: str) -> list[Stranger]:
    with index.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Stranger(
            identifier=row["id"],
            organ=LINEAR if organ == "lung" and "linear" in row["scanner"] else organ,
            group=row["group"],
            licence=row["licence"],
            picture=index.parent / "images" / f"{row['id']}.webp",
        )
        for row in rows
    ]
