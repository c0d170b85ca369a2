"""U-Nets of several widths, trained shortly and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.factories.datasets import write_all
from training import datasets
from training.preparation import recipe as recipes
from training.preparation import transfer
from training.questions import width_front

pytestmark = pytest.mark.training

TINY: dict[str, Any] = {"stages": [{"size": 64, "epochs": 1}], "draws_per_epoch": 16, "batch_size": 8}
NARROW = {"network": "plain-unet", "channels": [4, 8], "kernel": 3, "dropout": 0.0, "class_loss": 0.0}
WIDER = NARROW | {"channels": [8, 16]}


def row(name: str, milliseconds: float, dice: float, gain: float = 0.0) -> dict[str, Any]:
    own, gained = ({"value": value, "low": value - 0.1, "high": value + 0.1} for value in (dice, gain))
    return {"name": name, "parameters": 1, "milliseconds": milliseconds, "dice": own, "against_first": gained}


# torch says so of every export; `training/exporting/export.py` stays with the exporter that it was proved with
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_width_is_trained_measured_and_timed(tmp_path: Path) -> None:
    write_all(tmp_path / "data")
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


@pytest.mark.parametrize(("gain", "words"), [(0.02, "holds 0: no gain is shown"), (0.2, "does not hold 0")])
def test_the_shipped_width_is_held_against_the_best_on_the_same_pictures(gain: float, words: str) -> None:
    text = width_front.conclusion([row("shipped", 9.0, 0.6), row("best", 12.0, 0.6 + gain, gain)])
    assert f"it gains {gain:+.3f} ({gain - 0.1:+.3f} to {gain + 0.1:+.3f})" in text
    assert words in text


def test_where_nothing_is_better_the_shipped_width_is_the_best() -> None:
    text = width_front.conclusion([row("shipped", 9.0, 0.8), row("other", 2.0, 0.7, -0.1)])
    assert "has the best Dice here" in text


def test_a_network_that_draws_nothing_is_explained() -> None:
    plan = {"base": "unet-efficientnetb3", "segmentation": TINY}
    rows = [row("shipped", 9.0, 0.8), row("silent", 2.0, 0.0)]
    assert width_front.NOTHING_DRAWN in width_front.page({"plan": plan, "pictures": 2, "rows": rows})
    assert width_front.NOTHING_DRAWN not in width_front.page({"plan": plan, "pictures": 2, "rows": rows[:1]})
