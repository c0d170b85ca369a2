"""Fits the shipped probabilities to a clinic's own pictures: temperature and threshold, nothing else.

A network that was trained elsewhere is often right in its order and wrong in its confidence: other machines, other
patients. Two numbers fitted to 50 to 200 labelled pictures mend that without touching the networks. The fit is judged
on pictures that it did not see (five parts, by patient), because on its own pictures any fit looks good.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.manifest import Manifest, numbered
from app.inference.results import LABELS
from app.recalibration.labelled_pictures import CantRecalibrate, Labels, Observed
from imaging.statistics.intervals import Figure, with_interval
from imaging.statistics.scores import Scores, calibration_error, rescaled, threshold_for

WANTED_SENSITIVITY = 0.95  # the one the shipped threshold was chosen for
PARTS = 5
LOCAL = "local"  # the pictures' name among the metrics of a manifest
_NAMES = {
    "benign_malignant_auc": "AUC benign/malignant",
    "sensitivity_at_operating_point": "sensitivity for malignant",
    "specificity_at_operating_point": "specificity for malignant",
    "expected_calibration_error": "expected calibration error",
}
_FACTORS = np.geomspace(0.1, 10.0, 401)
_BENIGN, _MALIGNANT = LABELS.index("benign"), LABELS.index("malignant")


@dataclass(frozen=True)
class Fit:
    """`factor` multiplies the temperature; `threshold` is for the malignant probability after that."""

    factor: float
    threshold: float


@dataclass(frozen=True)
class Comparison:
    """Figures by name with 95 % intervals, as shipped and after the fit on pictures that it did not see."""

    before: dict[str, Figure]
    after: dict[str, Figure]
    fit: Fit


def compare(observed: Observed, manifest: Manifest) -> Comparison:
    """Fit, and show what the fit is worth on pictures that it did not see.

    Raises:
        CantRecalibrate: the pictures come from too few patients to be judged.
    """
    bias, mix = manifest.scaling.bias, manifest.raw["calibration"].get("case_mix", {})
    parts = _parts(observed.groups)
    scores = np.empty_like(observed.scores)
    flagged = np.empty(len(observed.labels), dtype=np.bool_)
    for part in range(PARTS):
        held_out = parts == part
        fitted = fit(observed.scores[~held_out], observed.labels[~held_out], bias, mix)
        scores[held_out] = rescaled(observed.scores[held_out], fitted.factor, bias)
        flagged[held_out] = scores[held_out, _MALIGNANT] >= fitted.threshold
    is_flagged = observed.scores[:, _MALIGNANT] >= manifest.malignant_threshold
    return Comparison(
        _figures(observed, observed.scores, is_flagged),
        _figures(observed, scores, flagged),
        fit(observed.scores, observed.labels, bias, mix),
    )


def fit(scores: Scores, labels: Labels, bias: tuple[float, ...], mix: dict[str, float]) -> Fit:
    """The temperature factor with the least negative log likelihood, and the threshold for the wanted sensitivity.

    Args:
        scores: shipped probabilities, float64 `N x 3`; bias: the shipped bias per class, which stays.
        mix: share of each class that the probabilities refer to; the pictures are weighted to it.

    Raises:
        CantRecalibrate: no malignant picture among them.
    """
    if not (labels == _MALIGNANT).any():
        raise CantRecalibrate("The malignant pictures come from too few patients to judge the fit.")
    weights = _weights(labels, mix)
    rows = np.arange(len(labels))
    losses = [-(weights * np.log(rescaled(scores, factor, bias)[rows, labels] + 1e-12)).sum() for factor in _FACTORS]
    factor = float(_FACTORS[int(np.argmin(losses))])
    malignant = rescaled(scores, factor, bias)[:, _MALIGNANT]
    return Fit(factor, threshold_for(malignant, labels == _MALIGNANT, WANTED_SENSITIVITY))


def _weights(labels: Labels, mix: dict[str, float]) -> NDArray[np.float64]:
    weights = np.zeros(len(labels))
    for index, label in enumerate(LABELS):
        is_class = labels == index
        if is_class.any():
            weights[is_class] = mix.get(label, 1.0) / is_class.sum()
    return np.asarray(weights / weights.sum())


def _parts(groups: NDArray[np.str_]) -> NDArray[np.int64]:
    """A part from 0 to 4 for each picture; a patient's pictures share one."""
    names, numbers = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(names))
    return np.asarray(order[numbers] % PARTS, dtype=np.int64)


def _figures(observed: Observed, scores: Scores, is_flagged: NDArray[np.bool_]) -> dict[str, Figure]:
    labels, is_malignant = observed.labels, observed.labels == _MALIGNANT
    relative = scores[:, _MALIGNANT] / (scores[:, _MALIGNANT] + scores[:, _BENIGN] + 1e-12)
    is_lesion = np.isin(labels, (_BENIGN, _MALIGNANT))

    def auc(rows: Labels) -> float:
        kept = rows[is_lesion[rows]]
        return area_under_curve(relative[kept], is_malignant[kept])

    def share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
        return float(of[among].mean()) if among.any() else float("nan")

    measures = {
        "AUC benign/malignant": auc,
        "expected calibration error": lambda rows: calibration_error(scores[rows], labels[rows]),
        "sensitivity for malignant": lambda rows: share(is_flagged[rows], is_malignant[rows]),
        "specificity for malignant": lambda rows: share(~is_flagged[rows], ~is_malignant[rows]),
    }
    return {name: with_interval(measure, observed.groups) for name, measure in measures.items()}


def area_under_curve(scores: NDArray[np.float64], is_case: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a case scores above another picture, ties counting half (Mann-Whitney)."""
    cases, others = scores[is_case], scores[~is_case]
    if cases.size == 0 or others.size == 0:
        return float("nan")
    ordered = np.sort(others)
    below, not_above = np.searchsorted(ordered, cases, "left"), np.searchsorted(ordered, cases, "right")
    return float((below + not_above).mean() / 2 / others.size)


def keep(comparison: Comparison, manifest: Manifest, folder: Path, pictures: int) -> str:
    """Write the next numbered manifest to `folder` and return its version; it counts from the next start on."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier = numbered(folder)
    number = int(earlier[-1].stem) + 1 if earlier else 1
    raw = _rewritten(manifest.raw, comparison, f"{manifest.version.partition('+')[0]}+local.{number}", pictures)
    unfinished = folder / f"{number:04d}.tmp"
    unfinished.write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / f"{number:04d}.json")
    return str(raw["version"])


def _rewritten(raw: dict[str, Any], comparison: Comparison, version: str, pictures: int) -> dict[str, Any]:
    """The manifest with the fit. The limits of normal and of the conformal set stay those of the first temperature.

    Figures that were measured with another temperature make room for those of the local pictures.
    """
    described, factor = raw["calibration"], comparison.fit.factor
    calibration = {
        **described,
        "parameters": {**described["parameters"], "temperature": described["parameters"]["temperature"] * factor},
        "temperature_factor": described.get("temperature_factor", 1.0) * factor,
    }
    after = comparison.after
    malignant = {
        "threshold": comparison.fit.threshold,
        "chosen_on": f"{pictures} local pictures",
        "measured_on": "the same pictures, in five parts that were each left out of the fit",
        "sensitivity": after["sensitivity for malignant"],
        "specificity": after["specificity for malignant"],
    }
    kept = {name: value for name, value in raw.items() if name not in ("reliability", "metrics")}
    return {
        **kept,
        "version": version,
        "calibration": calibration,
        "operating_points": {**raw["operating_points"], "malignant": malignant},
        "metrics": {LOCAL: {name: after[words] for name, words in _NAMES.items()}},
        "recalibration": {
            "of": raw["version"],
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "pictures": pictures,
            "before": comparison.before,
            "after": comparison.after,
        },
    }


def undo(folder: Path) -> str | None:
    """Forget the newest recalibration; returns its version, None when there was none."""
    earlier = numbered(folder)
    if not earlier:
        return None
    version = str(json.loads(earlier[-1].read_text(encoding="utf-8"))["version"])
    earlier[-1].unlink()
    return version
