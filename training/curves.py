"""Draws what figures alone hide: learning curve, ROC, reliability, confusion matrix, best and worst cases."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, RocCurveDisplay

from training.calibrate import MALIGNANT, NORMAL, Calibration
from training.datasets.sample import LABELS
from training.metrics import reliability
from training.predict import Predictions


def draw(folder: Path, test: Predictions, calibration: Calibration) -> None:
    """Save `learning.png`, `roc.png`, `reliability.png` and `confusion.png` to `folder`."""
    _learning(folder)
    _roc(folder, test, calibration)
    _reliability(folder, test, calibration)
    _confusion(folder, test, calibration)


def _save(folder: Path, name: str) -> None:
    plt.tight_layout()
    plt.savefig(folder / name, dpi=110)
    plt.close()


def _learning(folder: Path) -> None:
    plt.figure(figsize=(6, 4))
    for part in ("segmentation", "half-0", "half-1", "classification"):
        path = folder / part / "history.csv"
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            plt.plot([int(row["epoch"]) for row in rows], [float(row["loss"]) for row in rows], label=part, marker=".")
    plt.xlabel("epoch")
    plt.ylabel("training loss")
    plt.legend()
    _save(folder, "learning.png")


def _roc(folder: Path, test: Predictions, calibration: Calibration) -> None:
    axes = plt.figure(figsize=(5, 5)).gca()
    for source in sorted({sample.source for sample in test.samples}):
        part = test.from_source(source)
        has_lesion = part.labels != NORMAL
        scores = calibration.probabilities(part)[has_lesion]
        relative = scores[:, MALIGNANT] / (scores[:, :2].sum(axis=1) + 1e-12)
        RocCurveDisplay.from_predictions(part.labels[has_lesion] == MALIGNANT, relative, name=source, ax=axes)
    plt.title("malignant against benign")
    _save(folder, "roc.png")


def _reliability(folder: Path, test: Predictions, calibration: Calibration) -> None:
    plt.figure(figsize=(5, 5))
    scores = calibration.probabilities(test)[:, MALIGNANT]
    rows = reliability(scores, test.labels == MALIGNANT, bins=10)
    middle = [(row["low"] + row["high"]) / 2 for row in rows]
    plt.plot([0, 1], [0, 1], "--", color="grey")
    plt.plot(middle, [row["malignant_share"] for row in rows], marker="o")
    plt.xlabel("calibrated probability of malignant")
    plt.ylabel("share that is malignant")
    _save(folder, "reliability.png")


def _confusion(folder: Path, test: Predictions, calibration: Calibration) -> None:
    part = test.from_source("busi") if any(sample.source == "busi" for sample in test.samples) else test
    chosen = calibration.probabilities(part).argmax(axis=1)
    ConfusionMatrixDisplay.from_predictions(
        part.labels, chosen, labels=np.arange(len(LABELS)), display_labels=LABELS, colorbar=False
    )
    _save(folder, "confusion.png")
