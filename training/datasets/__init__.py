"""One file per data set; each reads its folder, compact or as published, and yields `Sample`s."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from training.datasets import breast, busbra, busi, cbis_ddsm, mias
from training.datasets.sample import Sample

READERS: dict[str, Callable[[Path], list[Sample]]] = {
    "busi": busi.read,
    "busbra": busbra.read,
    "breast": breast.read,
    "mias": mias.read,
    "cbis-ddsm": cbis_ddsm.read,
}


def read(sources: list[str], root: Path) -> list[Sample]:
    """Read the named data sets from the folders of the same name below `root`."""
    return [sample for source in sources for sample in READERS[source](root / source)]
