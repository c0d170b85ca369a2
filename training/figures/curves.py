"""Draws what figures alone hide: learning curve, ROC, reliability, confusion matrices."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, RocCurveDisplay

from training.datasets.sample import LABELS
from training.figures.judged import Judged, judge, read
from training.figures.metrics import BENIGN, reliability
from training.fitting.calibrate import MALIGNANT, NORMAL, Calibration
from training.fitting.predict import Predictions


def draw(folder: Path, test: Predictions, calibration: Calibration) -> None:
    """Save `learning.png`, `roc.png`, `reliability.png` and `confusion.png` to `folder`."""
    _learning(folder)
    draw_answers(folder, judge(test, calibration), "png")


def draw_answers(folder: Path, rows: Judged, kind: str) -> None:
    """Save `roc`, `reliability` and `confusion` as pictures of a kind that matplotlib knows (png, svg)."""
    _roc(folder / f"roc.{kind}", rows)
    _reliability(folder / f"reliability.{kind}", rows)
    _confusion(folder / f"confusion.{kind}", rows)


def _save(path: Path) -> None:
    plt.tight_layout()
    plt.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close()


def _learning(folder: Path) -> None:
    plt.figure(figsize=(6, 4))
    for part in ("segmentation", "pretraining", "half-0", "half-1", "classification"):
        path = folder / part / "history.csv"
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            plt.plot([int(row["epoch"]) for row in rows], [float(row["loss"]) for row in rows], label=part, marker=".")
    plt.xlabel("epoch")
    plt.ylabel("training loss")
    plt.legend()
    _save(folder / "learning.png")


def _roc(path: Path, rows: Judged) -> None:
    axes = plt.figure(figsize=(5, 5)).gca()
    for source in sorted(set(rows.sources.tolist())):
        part = rows.where((rows.sources == source) & (rows.labels != NORMAL))
        is_malignant = part.labels == MALIGNANT
        if 0 < is_malignant.sum() < len(part):
            relative = part.scores[:, MALIGNANT] / (part.scores[:, [BENIGN, MALIGNANT]].sum(axis=1) + 1e-12)
            RocCurveDisplay.from_predictions(is_malignant, relative, name=source, ax=axes)
    axes.plot([0, 1], [0, 1], "--", color="grey")
    axes.set_title("malignant against benign")
    _save(path)


def _reliability(path: Path, rows: Judged) -> None:
    plt.figure(figsize=(5, 5))
    plt.plot([0, 1], [0, 1], "--", color="grey")
    for name, scores in (("before calibration", rows.uncalibrated), ("after calibration", rows.scores)):
        found = reliability(scores[:, MALIGNANT], rows.labels == MALIGNANT, bins=10)
        middle = [(row["low"] + row["high"]) / 2 for row in found]
        plt.plot(middle, [row["malignant_share"] for row in found], marker="o", label=name)
    plt.xlabel("probability of malignant")
    plt.ylabel("share that is malignant")
    plt.legend()
    _save(path)


def _confusion(path: Path, rows: Judged) -> None:
    sources = sorted(set(rows.sources.tolist()))
    _, axes = plt.subplots(1, len(sources), figsize=(4.5 * len(sources), 4.5), squeeze=False)
    for source, one in zip(sources, axes[0], strict=True):
        part = rows.where(rows.sources == source)
        ConfusionMatrixDisplay.from_predictions(
            part.labels,
            part.scores.argmax(axis=1),
            labels=np.arange(len(LABELS)),
            display_labels=LABELS,
            colorbar=False,
            ax=one,
        )
        one.set_title(source)
    _save(path)


def main() -> None:
    """Draw the answers of the default recipe's run for the docs: plots, no pictures of patients."""
    parser = argparse.ArgumentParser(prog="python -m training.figures.curves", description=main.__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/unet-efficientnetb3/fold0"))
    parser.add_argument("--folder", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    rows = read(arguments.run / "judged.npz")
    matplotlib.rcParams["svg.hashsalt"] = "curves"  # else every drawing differs
    draw_answers(arguments.folder, rows.where(np.isin(rows.sources, ("busi", "busbra"))), "svg")


if __name__ == "__main__":
    main()
