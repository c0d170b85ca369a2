"""Measures a trained recipe on the part that was neither trained nor tuned on, and saves figures and curves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training import curves
from training.calibrate import COVERAGE, MALIGNANT, Calibration, calibrate
from training.export import commit
from training.loop import device
from training.metrics import figures, reliability
from training.pipeline import Trained
from training.predict import Predictions, predict
from training.recipe import Recipe
from training.splits import Split

CREDITS = {
    "busi": "BUSI, Al-Dhabyani et al. 2020, CC BY 4.0",
    "busbra": "BUS-BRA, Gomez-Flores et al. 2024, free use with citation",
}


@dataclass(frozen=True)
class Evaluation:
    """Calibration fitted on the tuning part, predictions on the test part, and their figures per data set."""

    calibration: Calibration
    test: Predictions
    metrics: dict[str, Any]


def evaluate(trained: Trained, recipe: Recipe, parts: Split, fold: int, folder: Path) -> Evaluation:
    """Predict tuning and test part once (kept in `folder`), calibrate on the first, save figures of the second."""
    trained.unet.eval()
    trained.classifier.eval()
    tune = _predicted(trained, recipe, parts.tune, folder / "predictions-tune.npz")
    test = _predicted(trained, recipe, parts.test, folder / "predictions-test.npz")
    train = _predicted(trained, recipe, parts.train, folder / "predictions-train.npz")
    calibration = calibrate(tune, train.embeddings)
    found = Evaluation(calibration, test, all_figures(test, calibration))
    report = _report(recipe, parts, fold) | {"metrics": found.metrics}
    (folder / "metrics.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    curves.draw(folder, test, found.calibration)
    return found


def _report(recipe: Recipe, parts: Split, fold: int) -> dict[str, Any]:
    sources = " and ".join(recipe["sources"])
    return {
        "recipe": recipe["name"],
        "protocol": f"trained on {sources}, grouped and patient-wise folds, tuned on the next fold",
        "fold": fold,
        "leaking": False,
        "device": str(device()),
        "commit": commit(),
        "command": f"make evaluate RECIPE={recipe['name']} FOLD={fold}",
        "split_sha256": parts.digest,
    }


def all_figures(test: Predictions, calibration: Calibration) -> dict[str, Any]:
    """Figures of the test part per data set; of BUSI also without the near copies whose labels conflict."""
    busi = test.from_source("busi")
    is_clear = np.asarray([not sample.is_conflicting for sample in busi.samples], dtype=np.bool_)
    parts = {
        "busi": busi,
        "busi_without_conflicts": busi.where(is_clear),
        "busbra": test.from_source("busbra"),
    }
    return {name: figures(part, calibration) for name, part in parts.items() if part.samples}


def facts(found: Evaluation, recipe: Recipe, parts: Split, fold: int, version: str) -> dict[str, Any]:
    """What the manifest says of training data, operating point and figures."""
    busi = found.metrics["busi"]
    scores = found.calibration.probabilities(found.test)[:, MALIGNANT]
    return {
        "version": version,
        "coverage": COVERAGE,
        "split_sha256": parts.digest,
        "training_data": [CREDITS[source] for source in recipe["sources"]],
        "metrics": found.metrics,
        "operating_point": {
            "chosen_on": f"fold {(fold + 1) % 5} of {' and '.join(recipe['sources'])}",
            "measured_on": f"BUSI fold {fold}, never trained or tuned on",
            "sensitivity": busi["sensitivity_at_operating_point"],
            "specificity": busi["specificity_at_operating_point"],
        },
        "reliability": reliability(scores, found.test.labels == MALIGNANT),
    }


def _predicted(trained: Trained, recipe: Recipe, samples: list[Any], path: Path) -> Predictions:
    """Predictions of `samples`, read from `path` where they were made before."""
    arrays = ("logits", "unet_logits", "embeddings", "dice", "iou", "hausdorff_px", "is_outlined")
    if path.is_file():
        with np.load(path) as kept:
            return Predictions(samples, *(kept[name] for name in arrays))
    made = predict(trained, recipe, samples)
    np.savez_compressed(path, **{name: getattr(made, name) for name in arrays})
    return made
