"""The figures, each with a 95 % interval. Intervals resample groups or patients, never single pictures."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from imaging.statistics.intervals import Figure, Measure, with_interval
from imaging.statistics.scores import Scores, calibration_error
from training.datasets.sample import LABELS
from training.figures import answers
from training.figures.judged import Judged
from training.fitting.calibrate import MALIGNANT, NORMAL

BENIGN = LABELS.index("benign")

# What is measured per BI-RADS category and per scanner: the groups are too small for more.
OF_SUBGROUPS = (
    "dice_lesions_unet_alone",
    "dice_lesions",
    "hausdorff95_px",
    "benign_malignant_auc",
    "sensitivity_at_operating_point",
    "specificity_at_operating_point",
    "expected_calibration_error",
    "malignant_missed",
    "normal_sensitivity",
)

# What two recipes are compared by on the same pictures where one of them tells fewer classes apart: in the rest the
# other may also err between classes that the first does not know.
COMPARED_ACROSS_CLASSES = (
    "dice_lesions_unet_alone",
    "benign_malignant_auc",
    "benign_malignant_auc_classifier_alone",
)
# And where both know the same classes.
COMPARED = (*COMPARED_ACROSS_CLASSES, "balanced_accuracy", "macro_auc", "brier")


def figures_of(judged: Judged, names: tuple[str, ...] | None = None) -> dict[str, Figure]:
    """The figures of judged pictures, all or only those named; what they can't give (no normals, say) is left out."""
    measures = measures_of(judged)
    found = {
        name: with_interval(measure, judged.groups)
        for name, measure in measures.items()
        if (names is None or name in names) and np.isfinite(measure(np.arange(len(judged))))
    }
    return {name: _holding(figure) for name, figure in found.items() if np.isfinite(list(figure.values())).all()}


def _holding(figure: Figure) -> Figure:
    """The interval, stretched to the value where it lies outside.

    A calibration error grows with every bin that holds fewer different pictures, and each resample holds fewer.
    """
    value = figure["value"]
    return {"value": value, "low": min(figure["low"], value), "high": max(figure["high"], value)}


def differences(judged: Judged, base: Judged, names: tuple[str, ...] = COMPARED) -> dict[str, Figure]:
    """Figures of one recipe minus those of another on the pictures that both judged, each drawn together.

    Pairs tell two recipes apart that their own intervals, wide with the luck of the test pictures, do not.
    """
    _, own, other = np.intersect1d(judged.identifiers, base.identifiers, return_indices=True)
    if not len(own):
        return {}
    judged, base = judged.where(own), base.where(other)
    ours, theirs = measures_of(judged), measures_of(base)

    def difference(name: str) -> Measure:
        return lambda rows: ours[name](rows) - theirs[name](rows)

    shared = [name for name in names if name in ours and name in theirs]
    found = {name: with_interval(difference(name), judged.groups) for name in shared}
    return {name: figure for name, figure in found.items() if np.isfinite(list(figure.values())).all()}


def measures_of(judged: Judged) -> dict[str, Measure]:
    """Every measure by name; each gives its figure of the rows whose numbers it gets, NaN where they can't give one."""
    return {**_overlap_measures(judged), **_class_measures(judged), **_decision_measures(judged)}


def subgroups(judged: Judged) -> dict[str, dict[str, Any]]:
    """Figures per BI-RADS category and per scanner, where the data set tells them, with the number of pictures."""
    found = {}
    for name, values in (("birads", judged.categories), ("device", judged.devices)):
        parts = {value: judged.where(values == value) for value in sorted(set(values.tolist())) if value}
        if parts:
            found[name] = {
                value: {
                    "pictures": len(part),
                    "malignant": int((part.labels == MALIGNANT).sum()),
                    "metrics": figures_of(part, OF_SUBGROUPS),
                }
                for value, part in parts.items()
            }
    return found


def _overlap_measures(judged: Judged) -> dict[str, Measure]:
    """An empty mask counts 1 when nothing is outlined and 0 when anything is; so does a mask that is dropped.

    A recipe that outlines nothing has NaN throughout and so no figure.
    """
    has_lesion = judged.labels != NORMAL
    is_dropped = judged.is_cleared & np.isfinite(judged.dice)
    dice = np.where(is_dropped, (~has_lesion).astype(np.float64), judged.dice)
    iou = np.where(is_dropped, (~has_lesion).astype(np.float64), judged.iou)
    distance = np.where(is_dropped, np.nan, judged.hausdorff_px)
    is_missed = np.where(np.isfinite(judged.dice), ~judged.is_outlined | is_dropped, np.nan)

    def over_lesions(values: NDArray[np.float64]) -> Measure:
        return lambda rows: _mean(values[rows][has_lesion[rows]])

    def over_all(values: NDArray[np.float64]) -> Measure:
        return lambda rows: _mean(values[rows]) if not has_lesion.all() else float("nan")

    return {
        "dice_lesions_unet_alone": over_lesions(judged.dice),
        "dice_lesions": over_lesions(dice),
        "iou_lesions_unet_alone": over_lesions(judged.iou),
        "iou_lesions": over_lesions(iou),
        "hausdorff95_px": over_lesions(distance),
        "lesions_without_outline": over_lesions(is_missed),
        "dice_with_normals": over_all(dice),
        "iou_with_normals": over_all(iou),
    }


def _class_measures(judged: Judged) -> dict[str, Measure]:
    labels, scores = judged.labels, judged.scores
    chosen = scores.argmax(axis=1)
    occurring = [index for index in range(len(LABELS)) if (labels == index).any()]
    measures: dict[str, Measure] = {
        "benign_malignant_auc": _benign_malignant_auc(labels, scores),
        "benign_malignant_auc_classifier_alone": _benign_malignant_auc(labels, judged.classifier_scores),
    }
    if np.ptp(judged.head_scores) > 0:
        measures["benign_malignant_auc_head_alone"] = _benign_malignant_auc(labels, judged.head_scores)
    if len(occurring) > 1:
        measures |= {
            "accuracy": lambda rows: float((chosen[rows] == labels[rows]).mean()),
            "balanced_accuracy": lambda rows: _balanced(labels[rows], chosen[rows]),
            "balanced_accuracy_classifier_alone": lambda rows: _balanced(
                labels[rows], judged.classifier_scores[rows].argmax(axis=1)
            ),
        }
    if len(occurring) == len(LABELS):
        measures["macro_auc"] = _macro_auc(labels, scores)
    if NORMAL in occurring and len(occurring) > 1:
        measures["normal_auc"] = lambda rows: area_under_curve(labels[rows] == NORMAL, scores[rows, NORMAL])
    for index in occurring:
        own = _one_class(labels, chosen, index, LABELS[index])
        measures |= own if len(occurring) > 1 else {f"{LABELS[index]}_sensitivity": own[f"{LABELS[index]}_sensitivity"]}
    return measures


def _benign_malignant_auc(labels: NDArray[np.int64], scores: Scores) -> Measure:
    relative = scores[:, MALIGNANT] / (scores[:, MALIGNANT] + scores[:, BENIGN] + 1e-12)

    def measure(rows: NDArray[np.int64]) -> float:
        kept = rows[labels[rows] != NORMAL]
        return area_under_curve(labels[kept] == MALIGNANT, relative[kept])

    return measure


def _macro_auc(labels: NDArray[np.int64], scores: Scores) -> Measure:
    def measure(rows: NDArray[np.int64]) -> float:
        return float(
            np.mean([area_under_curve(labels[rows] == index, scores[rows, index]) for index in range(len(LABELS))])
        )

    return measure


def area_under_curve(is_case: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney); NaN where there are only cases or none.

    The same number as scikit-learn's, ties included, twenty times as fast: the bootstrap asks for it by the thousand.
    """
    cases = int(is_case.sum())
    others = is_case.size - cases
    if cases == 0 or others == 0:
        return float("nan")
    return float((rankdata(scores)[is_case].sum() - cases * (cases + 1) / 2) / (cases * others))


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


def _decision_measures(judged: Judged) -> dict[str, Measure]:
    labels, scores, before = judged.labels, judged.scores, judged.uncalibrated
    is_malignant, is_flagged = labels == MALIGNANT, judged.is_flagged
    is_covered = judged.plausible[np.arange(len(labels)), labels]
    is_single = judged.plausible.sum(axis=1) == 1
    return {
        "sensitivity_at_operating_point": lambda rows: _mean(is_flagged[rows][is_malignant[rows]]),
        "specificity_at_operating_point": lambda rows: _mean(~is_flagged[rows][~is_malignant[rows]]),
        "conformal_coverage": lambda rows: _mean(is_covered[rows]),
        "conformal_single": lambda rows: _mean(is_single[rows]),
        "novelty_refused": lambda rows: _mean(judged.is_out_of_distribution[rows]),
        "novelty_refused_malignant": lambda rows: _mean(judged.is_out_of_distribution[rows][is_malignant[rows]]),
        "expected_calibration_error_before": lambda rows: calibration_error(before[rows], labels[rows]),
        "expected_calibration_error": lambda rows: calibration_error(scores[rows], labels[rows]),
        "brier_before": lambda rows: brier(before[rows], labels[rows]),
        "brier": lambda rows: brier(scores[rows], labels[rows]),
        **answers.measures(judged),
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
