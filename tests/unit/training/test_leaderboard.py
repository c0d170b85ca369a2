"""The leaderboard keeps rows of other machines and replaces its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.leaderboard import found, merged, page

pytestmark = pytest.mark.training

FIGURE = {"value": 0.8, "low": 0.7, "high": 0.9}


def report(folder: Path, recipe: str, fold: int, value: float) -> None:
    run = folder / recipe / f"fold{fold}"
    run.mkdir(parents=True)
    name = recipe.removesuffix("-quick")
    content = {
        "recipe": name, "protocol": "grouped folds", "fold": fold, "leaking": False, "device": "cpu",
        "commit": "0" * 40, "command": "make evaluate", "split_sha256": "1" * 64,
        "metrics": {"busi": {"dice_lesions": FIGURE | {"value": value}}},
    }  # fmt: skip
    (run / "metrics.json").write_text(json.dumps(content), encoding="utf-8")


def test_every_evaluated_run_has_a_row_and_quick_runs_have_none(tmp_path: Path) -> None:
    report(tmp_path, "one", 0, 0.8)
    report(tmp_path, "one", 1, 0.7)
    report(tmp_path, "one-quick", 0, 0.1)
    assert [(row["recipe"], row["fold"]) for row in found(tmp_path)] == [("one", 0), ("one", 1)]


def test_a_new_row_replaces_its_own_and_no_other(tmp_path: Path) -> None:
    report(tmp_path / "before", "one", 0, 0.5)
    report(tmp_path / "before", "two", 0, 0.6)
    report(tmp_path / "after", "one", 0, 0.9)
    rows = merged(found(tmp_path / "before"), found(tmp_path / "after"))
    assert {row["recipe"]: row["metrics"]["dice_lesions"]["value"] for row in rows} == {"one": 0.9, "two": 0.6}


def test_the_page_shows_each_figure_with_its_interval(tmp_path: Path) -> None:
    report(tmp_path, "one", 0, 0.8)
    assert "| Dice, lesions | 0.800 | 0.700 to 0.900 |" in page(found(tmp_path))
