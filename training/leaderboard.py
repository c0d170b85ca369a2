"""`python -m training.leaderboard`: the figures of all evaluated runs, best first."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ("dice_lesions", "benign_malignant_auc", "balanced_accuracy")
RANKED_BY = "benign_malignant_auc"


@dataclass(frozen=True)
class Entry:
    """One evaluated run: its name, and its figures on one data set as (value, low, high)."""

    run: str
    data_set: str
    figures: dict[str, tuple[float, float, float]]


def read(runs: Path) -> list[Entry]:
    """Every run with a metrics.json below `runs`, by data set, best first."""
    entries = [entry for path in sorted(runs.glob("*/fold*/metrics.json")) for entry in _entries(path)]
    return sorted(entries, key=lambda entry: (entry.data_set, -entry.figures.get(RANKED_BY, (0.0, 0.0, 0.0))[0]))


def _entries(path: Path) -> list[Entry]:
    metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    run = f"{path.parents[1].name}/{path.parent.name}"
    return [
        Entry(run, data_set, {name: (one["value"], one["low"], one["high"]) for name, one in figures.items()})
        for data_set, figures in metrics.items()
    ]


def table(entries: list[Entry]) -> str:
    """The entries as a Markdown table; each figure with its 95 % interval."""
    head = ["data set", "run", *COLUMNS]
    rows = [[entry.data_set, entry.run, *(_cell(entry, name) for name in COLUMNS)] for entry in entries]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _cell(entry: Entry, name: str) -> str:
    if name not in entry.figures:
        return ""
    value, low, high = entry.figures[name]
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.leaderboard", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    entries = read(parser.parse_args().runs)
    print(table(entries) if entries else "No run has been evaluated yet: make evaluate")


if __name__ == "__main__":
    main()
