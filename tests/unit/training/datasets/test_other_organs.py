"""Pictures of other organs: by organ, by probe, and by what their licence allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.datasets import other_organs

pytestmark = pytest.mark.training


def write(folder: Path, name: str, *rows: str) -> None:
    (folder / name / "images").mkdir(parents=True)
    lines = ["id,organ,group,scanner,licence", *rows]
    (folder / name / "index.csv").write_text("\n".join(lines), encoding="utf-8")
    for row in rows:
        pixels = np.full((20, 30), 7, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name / "images" / f"{row.split(',')[0]}.webp", lossless=True)


def test_a_linear_probe_on_a_lung_is_told_apart_and_a_licence_that_forbids_business_is_known(tmp_path: Path) -> None:
    write(tmp_path, "hc18", "head,fetal head,1,some scanner,CC BY 4.0")
    write(tmp_path, "pocus_lung", "one,lung,2,convex probe,CC BY-NC 4.0", "two,lung,3,linear probe,CC BY 4.0")
    found = other_organs.read(tmp_path)
    assert [stranger.organ for stranger in found] == ["fetal head", "lung", "lung, linear probe"]
    assert [stranger.may_be_learned_from for stranger in found] == [True, False, True]
    assert found[0].pixels().shape == (20, 30)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected one of hc18"):
        other_organs.read(tmp_path)
