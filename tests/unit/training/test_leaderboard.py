"""The figures of all runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import leaderboard

pytestmark = pytest.mark.training


def evaluated(runs: Path, name: str, auc: float) -> None:
    figure = {"value": auc, "low": auc - 0.1, "high": auc + 0.05}
    folder = runs / name / "fold0"
    folder.mkdir(parents=True)
    report = {"metrics": {"busi": {"benign_malignant_auc": figure}}}
    (folder / "metrics.json").write_text(json.dumps(report))


def test_the_best_run_comes_first_with_its_interval(tmp_path: Path) -> None:
    evaluated(tmp_path, "worse", 0.8)
    evaluated(tmp_path, "better", 0.9)
    entries = leaderboard.read(tmp_path)
    assert [entry.run for entry in entries] == ["better/fold0", "worse/fold0"]
    assert "| busi | better/fold0 |  | 0.900 (0.800 to 0.950) |  |" in leaderboard.table(entries)


def test_no_runs_make_no_entries(tmp_path: Path) -> None:
    assert leaderboard.read(tmp_path) == []
