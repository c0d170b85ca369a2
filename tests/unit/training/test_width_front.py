"""U-Nets of several widths, trained shortly and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.factories.datasets import write_both
from training import datasets, transfer, width_front
from training import recipe as recipes

pytestmark = pytest.mark.training

TINY: dict[str, Any] = {"stages": [{"size": 64, "epochs": 1}], "draws_per_epoch": 16, "batch_size": 8}
NARROW = {"network": "plain-unet", "channels": [4, 8], "kernel": 3, "dropout": 0.0, "class_loss": 0.0}
WIDER = NARROW | {"channels": [8, 16]}


def row(name: str, milliseconds: float, dice: float) -> dict[str, Any]:
    figure = {"value": dice, "low": dice - 0.1, "high": dice + 0.1}
    return {"name": name, "parameters": 1, "milliseconds": milliseconds, "dice": figure, "against_first": figure}


# torch says so of every export; `training/export.py` stays with the exporter that it was proved with
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_width_is_trained_measured_and_timed(tmp_path: Path) -> None:
    write_both(tmp_path / "data")
    base = recipes.read("unet-efficientnetb3", quick=True)
    parts = transfer.parts_of(base, datasets.read(base["sources"], tmp_path / "data"), 0)
    lesions = [sample for sample in parts.tune if sample.label != "normal"]
    plan = {"segmentation": TINY, "variants": {"wider": WIDER, "narrow": NARROW}}
    rows = width_front.measured(plan, base, parts.train, lesions, tmp_path / "runs")
    assert [each["name"] for each in rows] == ["wider", "narrow"]
    assert rows[0]["parameters"] > rows[1]["parameters"]
    assert all(each["milliseconds"] > 0 and 0 <= each["dice"]["value"] <= 1 for each in rows)
    assert rows[0]["against_first"] == {"value": 0, "low": 0, "high": 0}
    json.dumps(rows)


def test_the_front_holds_what_nothing_faster_equals() -> None:
    rows = [row("slow", 9.0, 0.8), row("beaten", 8.0, 0.5), row("fast", 2.0, 0.6)]
    assert width_front.on_front(rows) == ["slow", "fast"]


@pytest.mark.parametrize(("dice", "words"), [(0.78, "is within"), (0.6, "is not within")])
def test_the_shipped_width_is_held_against_the_best(dice: float, words: str) -> None:
    assert words in width_front.conclusion([row("shipped", 9.0, dice), row("best", 12.0, 0.8)])
