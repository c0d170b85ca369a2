"""`python -m training.leaderboard`: every evaluated run side by side, as data and as a page.

The page that is kept shows each recipe once; `--all` draws every figure of every row to `runs/leaderboard.md`.

A run is a folder `runs/<recipe>/fold<k>/` with the `metrics.json` and `judged.npz` that `evaluate` wrote. Rows are
kept: a run made on another machine replaces the row of the same recipe, data and fold, and leaves the others; a row
that leaks never replaces one that does not. Where all five folds of a recipe are there, and report other pictures each,
a row over all of their pictures is added.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from training.datasets.sample import FOLDS
from training.figures import comparison, judged, leaderboard_page, targets
from training.figures.evaluate import figures_per_set
from training.figures.metrics import COMPARED, COMPARED_ACROSS_CLASSES, differences
from training.questions import mask_shape, what_helped

Row = dict[str, Any]

DEFAULT = "unet-efficientnetb3"
SHARED = ("recipe", "protocol", "fold", "leaking", "device", "commit", "command", "split_sha256")
ADDED = (
    "classes",
    "trained_at_commit",
    "data_sha256",
    "created",
    "training_seconds",
    "dropping",
    "pictures",
    "compared_with",
    "recipe_sha256",
    "name_at_commit",  # put there by hand when a recipe is renamed, see `merged`
)  # not in rows made before these were kept


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.leaderboard", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--results", type=Path, default=Path("training/results/leaderboard.json"))
    parser.add_argument("--all", action="store_true", help="draw every figure of every row beside the runs, too")
    parser.add_argument("--page", type=Path, default=Path("docs/reference/leaderboard.md"))
    parser.add_argument("--comparison", type=Path, default=Path("docs/explanation/raw-segmented-truemask.md"))
    parser.add_argument("--what-helped", type=Path, default=what_helped.PAGE)
    arguments = parser.parse_args()
    rows = merged(_kept(arguments.results), found(arguments.runs))
    written = {
        arguments.results: json.dumps(rows, indent=1) + "\n",
        arguments.page: leaderboard_page.page(rows),
        arguments.comparison: comparison.page(rows, _measured(arguments.results.parent / mask_shape.RESULTS.name)),
        arguments.what_helped: what_helped.page(rows, _measured(arguments.results.parent / what_helped.RESULTS.name)),
    }
    if arguments.all:
        written[arguments.runs / leaderboard_page.WHOLE] = leaderboard_page.whole_page(rows)
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    targets.write(arguments.runs, arguments.results.with_name(targets.RESULTS.name))
    print(f"{len(rows)} rows. Pages: {', '.join(str(path) for path in written if path.suffix == '.md')}")


def found(runs: Path) -> list[Row]:
    """A row per data set of every evaluated run, and of all folds together; quick runs are no results."""
    rows = []
    for folder in sorted(path for path in runs.glob("*") if not path.name.endswith("-quick")):
        reports = [
            (path.parent, json.loads(path.read_text(encoding="utf-8")))
            for path in sorted(folder.glob("fold*/metrics.json"))
        ]
        for path, report in reports:
            rows += [row | _against(runs, path, row) for row in _rows(report)]
        rows += _rows_of_all_folds(reports)
    return rows


def _rows(report: Row) -> list[Row]:
    shared = {key: report[key] for key in SHARED} | {key: report[key] for key in ADDED if key in report}
    return [
        {**shared, "data": data, "metrics": metrics}
        | {key: report[key][data] for key in ("subgroups", "answers") if data in report.get(key, {})}
        for data, metrics in report["metrics"].items()
    ]


def _against(runs: Path, folder: Path, row: Row) -> Row:
    """What the recipe gains or loses against another on the same pictures, where both were measured here.

    The other is the one that the recipe names in `compared_with`, or the default one.
    """
    other = str(row.get("compared_with", DEFAULT))
    own, base = folder / "judged.npz", runs / other / folder.name / "judged.npz"
    if row["leaking"] or row["recipe"] == other or not own.is_file() or not base.is_file():
        return {}
    ours, theirs = (judged.read(path) for path in (own, base))
    gained = differences(
        ours.where(ours.sources == row["data"]),
        theirs.where(theirs.sources == row["data"]),
        COMPARED_ACROSS_CLASSES if leaderboard_page.knows_fewer_classes(row) else COMPARED,
    )
    return {"against": {"recipe": other, "figures": gained}} if gained else {}


def _rows_of_all_folds(reports: list[tuple[Path, Row]]) -> list[Row]:
    """One row per data set over the pictures of all five folds, each judged by the networks that had not seen it.

    None where folds report the same pictures, as frozen transfer does: one picture would count as five.
    """
    recipes = {(report["protocol"], report.get("recipe_sha256")) for _, report in reports}
    paths = [folder / "judged.npz" for folder, _ in reports]
    if len(reports) != FOLDS or len(recipes) != 1 or not all(path.is_file() for path in paths):
        return []
    rows = judged.joined([judged.read(path) for path in paths])
    if len(set(zip(rows.sources.tolist(), rows.identifiers.tolist(), strict=True))) < len(rows):
        return []
    first = {key: value for key, value in reports[0][1].items() if key != "dropping"}  # each fold has limits of its own
    merged_report = first | {
        "fold": "all",
        "command": f"make train-all RECIPES={first['recipe']}",
        "commit": ", ".join(sorted({report["commit"] for _, report in reports})),
        "device": ", ".join(sorted({report["device"] for _, report in reports})),
        "created": max(report.get("created", "") for _, report in reports),
        "pictures": {"test": sum(report["pictures"]["test"] for _, report in reports)},
        "trained_at_commit": sorted({one for _, report in reports for one in report.get("trained_at_commit", [])}),
        "training_seconds": round(sum(report.get("training_seconds", 0.0) for _, report in reports), 1),
    }
    return _rows(merged_report | figures_per_set(rows))


def merged(kept: list[Row], new: list[Row]) -> list[Row]:
    """Kept rows, each replaced by the new one of the same recipe, data and fold that leaks as it does.

    A row of the same measurement keeps the name that its recipe had then.
    """
    by_name: dict[tuple[str, str, bool, str], Row] = {}
    for row in [*kept, *new]:
        name = (row["recipe"], row["data"], row["leaking"], str(row["fold"]))
        earlier = by_name.get(name, {})
        is_same = all(row.get(key) == earlier.get(key) for key in ("commit", "created"))
        renamed = {"name_at_commit": earlier["name_at_commit"]} if is_same and "name_at_commit" in earlier else {}
        by_name[name] = row | renamed
    return [by_name[name] for name in sorted(by_name)]


def _measured(path: Path) -> dict[str, Any] | None:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _kept(path: Path) -> list[Row]:
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []


if __name__ == "__main__":
    main()
