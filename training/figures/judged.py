"""Predictions with every decision that the product would take on them, as plain arrays that folds can share.

A fold has a calibration of its own. What remains of it here are its decisions, so that the folds of a recipe can be
laid together and measured as one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.statistics.scores import Scaling, plausible_classes
from training.datasets.sample import LABELS
from training.fitting.calibrate import MALIGNANT, Calibration
from training.fitting.predict import Predictions

EARLIER_NAMES = {"is_novel": "is_out_of_distribution"}  # in files of earlier releases
UNCALIBRATED = Scaling(temperature=1.0, unet_weight=1.0, bias=(0.0,) * len(LABELS))

ALONE = Scaling(temperature=1.0, unet_weight=0.0, bias=(0.0,) * len(LABELS))


@dataclass(frozen=True)
class Judged:
    """A row per picture.

    Attributes:
        identifiers, sources, groups, categories, devices: text `N`; BI-RADS category and scanner are empty where the
            data set does not tell.
        labels: int64 `N`, index into `LABELS`.
        scores, uncalibrated: float64 `N x 3` probabilities after calibration, and softmax of the logits as they are.
        classifier_scores, head_scores: float64 `N x 3` softmax of the classifier's logits alone and of the U-Net's
            head alone; the head's are equal thirds where a recipe has none.
        dice, iou, hausdorff_px: float64 `N`, of the U-Net's mask before any is dropped; NaN where there is none.
        is_outlined, is_cleared: the U-Net outlined something; the mask is dropped because normal is at or above its
            limit and the U-Net is not certain of it.
        is_flagged, is_out_of_distribution: at or above the operating point; above the limit of that score.
        plausible: bool `N x 3`, the conformal set.
    """

    identifiers: NDArray[np.str_]
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]
    categories: NDArray[np.str_]
    devices: NDArray[np.str_]
    is_conflicting: NDArray[np.bool_]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    uncalibrated: NDArray[np.float64]
    classifier_scores: NDArray[np.float64]
    head_scores: NDArray[np.float64]
    dice: NDArray[np.float64]
    iou: NDArray[np.float64]
    hausdorff_px: NDArray[np.float64]
    is_outlined: NDArray[np.bool_]
    is_cleared: NDArray[np.bool_]
    is_flagged: NDArray[np.bool_]
    is_out_of_distribution: NDArray[np.bool_]
    plausible: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, is_kept: NDArray[np.bool_] | NDArray[np.intp]) -> Judged:
        """Only the rows that are marked, or those of these numbers in their order."""
        return Judged(**{name: values[is_kept] for name, values in self.arrays().items()})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def judge(predictions: Predictions, calibration: Calibration) -> Judged:
    """Take every decision of the product on a set of predictions."""
    samples = predictions.samples
    scores = calibration.probabilities(predictions)
    return Judged(
        identifiers=np.asarray([sample.identifier for sample in samples], dtype=np.str_),
        sources=np.asarray([sample.source for sample in samples], dtype=np.str_),
        groups=np.asarray([sample.group for sample in samples], dtype=np.str_),
        categories=np.asarray([sample.details.get("birads", "") for sample in samples], dtype=np.str_),
        devices=np.asarray([sample.details.get("device", "") for sample in samples], dtype=np.str_),
        is_conflicting=np.asarray([sample.is_conflicting for sample in samples], dtype=np.bool_),
        labels=predictions.labels,
        scores=scores,
        uncalibrated=UNCALIBRATED.probabilities(predictions.logits, predictions.unet_logits),
        classifier_scores=ALONE.probabilities(predictions.logits, predictions.unet_logits),
        head_scores=ALONE.probabilities(predictions.unet_logits, predictions.logits),
        dice=predictions.dice,
        iou=predictions.iou,
        hausdorff_px=predictions.hausdorff_px,
        is_outlined=predictions.is_outlined.astype(np.bool_),
        is_cleared=calibration.is_cleared(predictions),
        is_flagged=scores[:, MALIGNANT] >= calibration.malignant_threshold,
        is_out_of_distribution=calibration.out_of_distribution.score(predictions.embeddings)
        > calibration.out_of_distribution_limit,
        plausible=_plausible(scores, calibration.limits),
    )


def _plausible(scores: NDArray[np.float64], limits: tuple[float, ...]) -> NDArray[np.bool_]:
    table = np.zeros(scores.shape, dtype=np.bool_)
    for row, held in zip(table, scores, strict=True):
        row[plausible_classes(held, limits)] = True
    return table


def joined(parts: list[Judged]) -> Judged:
    """The rows of several folds, one after the other."""
    names = [field.name for field in fields(Judged)]
    return Judged(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def save(judged: Judged, path: Path) -> None:
    """Keep the rows, so that folds can be measured together later."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **judged.arrays())  # type: ignore[arg-type]
    temporary.replace(path)


def read(path: Path) -> Judged:
    """The rows that `save` kept."""
    with np.load(path) as kept:
        return Judged(**{EARLIER_NAMES.get(name, name): kept[name] for name in kept.files})
