"""`python -m training.leaderboard`: every evaluated run side by side, as data and as a page.

A run is a folder `runs/<recipe>/fold<k>/` with the `metrics.json` that `evaluate` wrote. Rows are kept: a run made on
another machine replaces the row of the same recipe, data and fold, and leaves the others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]

COLUMNS = {
    "dice_lesions_unet_alone": "Dice, U-Net alone",
    "dice_lesions": "Dice, lesions",
    "dice_with_normals": "Dice, with normals",
    "benign_malignant_auc": "AUC malignant / benign",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "normal_sensitivity": "normal, sensitivity",
    "sensitivity_at_operating_point": "malignant, sensitivity at the operating point",
    "specificity_at_operating_point": "malignant, specificity at the operating point",
    "expected_calibration_error": "calibration error",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.leaderboard", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--results", type=Path, default=Path("training/results/leaderboard.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/reference/leaderboard.md"))
    arguments = parser.parse_args()
    rows = merged(_kept(arguments.results), found(arguments.runs))
    for path, text in ((arguments.results, json.dumps(rows, indent=2) + "\n"), (arguments.page, page(rows))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(rows)} rows in {arguments.page}")


def found(runs: Path) -> list[Row]:
    """A row per data set of every evaluated run; quick runs are no results."""
    rows = []
    for path in sorted(runs.glob("*/fold*/metrics.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        if path.parent.parent.name.endswith("-quick"):
            continue
        shared = {key: report[key] for key in ("recipe", "protocol", "fold", "leaking", "device", "commit", "command")}
        rows += [
            {**shared, "data": data, "split_sha256": report["split_sha256"], "metrics": metrics}
            for data, metrics in report["metrics"].items()
        ]
    return rows


def merged(kept: list[Row], new: list[Row]) -> list[Row]:
    """Kept rows, each replaced by the new one of the same recipe, data, protocol and fold."""
    by_name = {(row["recipe"], row["data"], row["protocol"], str(row["fold"])): row for row in [*kept, *new]}
    return [by_name[name] for name in sorted(by_name)]


def page(rows: list[Row]) -> str:
    """The rows as Markdown: a table per data set, every figure with its 95 % interval."""
    parts = [_table(data, [row for row in rows if row["data"] == data]) for data in sorted({r["data"] for r in rows})]
    head = (
        "# Leaderboard\n\nWritten by `make leaderboard` from `training/results/leaderboard.json`. Intervals are 95 % "
        "bootstrap intervals that resample groups of near copies or patients. A fold that is reported was neither "
        "trained nor tuned on.\n"
    )
    return head + "\n" + "\n".join(parts)


def _table(data: str, rows: list[Row]) -> str:
    lines = [f"## {data.replace('_', ' ')}\n"]
    for row in rows:
        leak = " **leaking, for comparison alone**" if row["leaking"] else ""
        lines.append(
            f"### {row['recipe']}, fold {row['fold']}{leak}\n\nProtocol: {row['protocol']}. Device: {row['device']}. "
            f"Commit: `{row['commit'][:10]}`. Split: `{row['split_sha256'][:12]}`. Command: `{row['command']}`\n\n"
            "| figure | value | 95 % interval |\n| --- | --- | --- |"
        )
        lines += [
            f"| {title} | {figure['value']:.3f} | {figure['low']:.3f} to {figure['high']:.3f} |"
            for key, title in COLUMNS.items()
            if (figure := row["metrics"].get(key))
        ]
        lines.append("")
    return "\n".join(lines)


def _kept(path: Path) -> list[Row]:
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []


if __name__ == "__main__":
    main()
