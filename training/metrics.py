"""The figures, each with a 95 % interval. Intervals resample groups or patients, never single pictures."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from imaging.intervals import Figure, Measure, with_interval
from imaging.scores import Scores, calibration_error, plausible_classes
from training.calibrate import MALIGNANT, NORMAL, Calibration
from training.datasets.sample import LABELS
from training.predict import Predictions

BENIGN = LABELS.index("benign")


def figures(predictions: Predictions, calibration: Calibration) -> dict[str, Figure]:
    """All figures of one set of predictions; a figure that the set can't give (no normals, say) is left out."""
    scores = calibration.probabilities(predictions)
    measures = {
        **_overlap_measures(predictions, calibration.is_cleared(predictions)),
        **_class_measures(predictions.labels, scores),
        **_decision_measures(predictions, scores, calibration),
    }
    found = {name: with_interval(measure, predictions.groups) for name, measure in measures.items()}
    return {name: figure for name, figure in found.items() if np.isfinite(figure["value"])}


def _overlap_measures(predictions: Predictions, is_cleared: NDArray[np.bool_]) -> dict[str, Measure]:
    has_lesion = predictions.labels != NORMAL
    dice = np.where(is_cleared, (~has_lesion).astype(np.float64), predictions.dice)
    iou = np.where(is_cleared, (~has_lesion).astype(np.float64), predictions.iou)
    distance = np.where(is_cleared, np.nan, predictions.hausdorff_px)

    def over_lesions(values: NDArray[np.float64]) -> Measure:
        return lambda rows: _mean(values[rows][has_lesion[rows]])

    return {
        "dice_lesions_unet_alone": over_lesions(predictions.dice),
        "dice_lesions": over_lesions(dice),
        "iou_lesions": over_lesions(iou),
        "hausdorff95_px": over_lesions(distance),
        "dice_with_normals": lambda rows: _mean(dice[rows]) if not has_lesion.all() else float("nan"),
    }


def _class_measures(labels: NDArray[np.int64], scores: Scores) -> dict[str, Measure]:
    chosen = scores.argmax(axis=1)
    has_normals = bool((labels == NORMAL).any())
    relative = scores[:, MALIGNANT] / (scores[:, MALIGNANT] + scores[:, BENIGN] + 1e-12)

    def benign_malignant_auc(rows: NDArray[np.int64]) -> float:
        kept = rows[labels[rows] != NORMAL]
        is_malignant = labels[kept] == MALIGNANT
        return float(roc_auc_score(is_malignant, relative[kept])) if 0 < is_malignant.sum() < kept.size else np.nan

    def macro_auc(rows: NDArray[np.int64]) -> float:
        if len(np.unique(labels[rows])) < len(LABELS):
            return float("nan")
        return float(roc_auc_score(labels[rows], scores[rows], multi_class="ovr", average="macro"))

    measures: dict[str, Measure] = {"benign_malignant_auc": benign_malignant_auc}
    if has_normals:
        measures |= {
            "accuracy": lambda rows: float((chosen[rows] == labels[rows]).mean()),
            "balanced_accuracy": lambda rows: _balanced(labels[rows], chosen[rows]),
            "macro_auc": macro_auc,
        }
    for index, name in enumerate(LABELS):
        if (labels == index).any():
            measures |= _one_class(labels, chosen, index, name)
    return measures


def _balanced(labels: NDArray[np.int64], chosen: NDArray[np.int64]) -> float:
    """Mean sensitivity over the classes that occur (scikit-learn's balanced accuracy warns for the others)."""
    return float(np.mean([(chosen[labels == index] == index).mean() for index in np.unique(labels)]))


def _one_class(labels: NDArray[np.int64], chosen: NDArray[np.int64], index: int, name: str) -> dict[str, Measure]:
    is_class, is_chosen = labels == index, chosen == index

    def precision(rows: NDArray[np.int64]) -> float:
        return float((is_class & is_chosen)[rows].sum() / max(1, is_chosen[rows].sum()))

    def f1(rows: NDArray[np.int64]) -> float:
        return float(2 * (is_class & is_chosen)[rows].sum() / max(1, is_class[rows].sum() + is_chosen[rows].sum()))

    return {
        f"{name}_precision": precision,
        f"{name}_f1": f1,
        f"{name}_sensitivity": lambda rows: _mean(is_chosen[rows][is_class[rows]]),
        f"{name}_specificity": lambda rows: _mean(~is_chosen[rows][~is_class[rows]]),
    }


def _decision_measures(predictions: Predictions, scores: Scores, calibration: Calibration) -> dict[str, Measure]:
    labels = predictions.labels
    is_malignant = labels == MALIGNANT
    is_flagged = scores[:, MALIGNANT] >= calibration.malignant_threshold
    sets = [set(plausible_classes(row, calibration.limits)) for row in scores]
    is_covered = np.asarray([label in held for label, held in zip(labels, sets, strict=True)])
    is_single = np.asarray([len(held) == 1 for held in sets])
    is_novel = calibration.novelty.score(predictions.embeddings) > calibration.novelty_limit
    return {
        "sensitivity_at_operating_point": lambda rows: _mean(is_flagged[rows][is_malignant[rows]]),
        "specificity_at_operating_point": lambda rows: _mean(~is_flagged[rows][~is_malignant[rows]]),
        "conformal_coverage": lambda rows: _mean(is_covered[rows]),
        "conformal_single": lambda rows: _mean(is_single[rows]),
        "novelty_refused": lambda rows: _mean(is_novel[rows]),
        "expected_calibration_error": lambda rows: calibration_error(scores[rows], labels[rows]),
        "brier": lambda rows: brier(scores[rows], labels[rows]),
    }


def brier(scores: Scores, labels: NDArray[np.int64]) -> float:
    """Multi-class Brier score: mean squared distance to the true class's corner, 0 to 2."""
    return float(np.square(scores - np.eye(len(LABELS))[labels]).sum(axis=1).mean())


def reliability(scores: NDArray[np.float64], is_malignant: NDArray[np.bool_], bins: int = 5) -> list[dict[str, float]]:
    """Of the pictures whose malignant score lies in a bin, how many are malignant: low, high, share, count."""
    edges = np.linspace(0, 1, bins + 1)
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (scores >= low) & ((scores < high) | (high == 1.0))
        if inside.any():
            share = float(is_malignant[inside].mean())
            rows.append({"low": float(low), "high": float(high), "malignant_share": share, "count": int(inside.sum())})
    return rows


def _mean(values: NDArray[np.floating] | NDArray[np.bool_]) -> float:
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return float(finite.mean()) if finite.size else float("nan")
