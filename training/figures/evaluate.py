"""Measures a trained recipe on the part that was neither trained nor tuned on, and saves figures and curves."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.datasets.sample import FOLDS, LABELS, Sample
from training.figures import answers, contact_sheet, curves, judged
from training.figures.judged import Judged, judge
from training.figures.metrics import figures_of, reliability, subgroups
from training.fitting.calibrate import CASE_MIX, COVERAGE, MALIGNANT, Calibration, calibrate
from training.fitting.loop import device
from training.fitting.pipeline import Trained
from training.fitting.predict import Predictions, predict
from training.preparation import recipe as recipes
from training.preparation.lesion_free import LESION_FREE
from training.preparation.normals import lesion_free_samples
from training.preparation.provenance import code_sha256, commit, fingerprint, names, weights_sha256
from training.preparation.recipe import Recipe
from training.preparation.splits import Split

CREDITS = {
    "busi": "BUSI, Al-Dhabyani et al. 2020, CC BY 4.0",
    "busbra": "BUS-BRA, Gomez-Flores et al. 2024, free use with citation",
    "breast": "BrEaST, Pawlowska et al. 2024, CC BY 4.0",
    "mias": "mini-MIAS, Suckling et al. 1994, research use only",
    "cbis-ddsm": "CBIS-DDSM, Lee et al. 2017, CC BY 3.0",
}
ARRAYS = ("logits", "unet_logits", "embeddings", "dice", "iou", "hausdorff_px", "is_outlined", "certainty")


@dataclass(frozen=True)
class Evaluation:
    """Calibration fitted on the tuning part, predictions on the test part, and their figures per data set."""

    calibration: Calibration
    test: Predictions
    metrics: dict[str, Any]


def evaluate(trained: Trained, recipe: Recipe, parts: Split, fold: int, folder: Path) -> Evaluation:
    """Predict tuning and test part once (kept in `folder`), calibrate on the first, save figures of the second."""
    calibration = calibrated(trained, recipe, parts, folder)
    test = _predicted(trained, recipe, parts.test, folder / "predictions-test.npz")
    rows = judge(test, calibration)
    crops = lesion_free_samples(parts.test) if _learns_from_crops(recipe) else []
    if crops:
        beside = _predicted(trained, recipe, crops, folder / "predictions-lesion-free.npz")
        rows = judged.joined([rows, judge(beside, calibration)])
    judged.save(rows, folder / "judged.npz")
    report = _report(trained, recipe, parts, fold, folder) | figures_per_set(rows)
    report["dropping"] = asdict(calibration.dropping)
    curves.draw(folder, test, calibration)
    contact_sheet.draw(folder, trained, recipe, test)
    temporary = folder / "metrics.tmp"  # last, and whole or not at all: it says that a run is measured
    temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    temporary.replace(folder / "metrics.json")
    return Evaluation(calibration, test, report["metrics"])


def calibrated(trained: Trained, recipe: Recipe, parts: Split, folder: Path) -> Calibration:
    """Calibrate on the tuning part; predictions of it and of the training part are kept in `folder`.

    What a classifier learned from is no stranger to it: where it learned from lesion-free parts, that score knows
    the lesion-free squares of both parts beside their pictures.
    """
    together = [*parts.tune, *_stand_ins(recipe, parts)]
    tune = _predicted(trained, recipe, together, folder / "predictions-tune.npz", has_distances=False)
    train = _predicted(trained, recipe, parts.train, folder / "predictions-train.npz", has_distances=False)
    known, familiar = [train.embeddings], [tune.embeddings]
    if _learns_from_crops(recipe):
        apart = {"train": known} if _stand_ins(recipe, parts) else {"train": known, "tune": familiar}
        for part, beside in apart.items():
            if squares := lesion_free_samples(getattr(parts, part)):
                path = folder / f"predictions-{part}-lesion-free.npz"
                beside.append(_predicted(trained, recipe, squares, path, has_distances=False).embeddings)
    return calibrate(tune, np.concatenate(known), recipe.get("case_mix", CASE_MIX), np.concatenate(familiar))


def figures_per_set(rows: Judged) -> dict[str, Any]:
    """Figures, subgroups and answers of every data set; also without near copies whose labels conflict.

    Returns:
        `metrics`, `subgroups` and `answers`, each by data set.
    """
    parts = {source: rows.where(rows.sources == source) for source in sorted(set(rows.sources.tolist()))}
    if "busi" in parts:
        parts["busi_without_conflicts"] = parts["busi"].where(~parts["busi"].is_conflicting)
    found = {name: subgroups(part) for name, part in parts.items()}
    return {
        "metrics": {name: figures_of(part) for name, part in parts.items()},
        "subgroups": {name: groups for name, groups in found.items() if groups},
        "answers": {name: answers.counts(part) for name, part in parts.items()},
    }


def _learns_from_crops(recipe: Recipe) -> bool:
    return "classification" in recipe and LESION_FREE in recipes.judging(recipe).get("sampling", {})


def _stand_ins(recipe: Recipe, parts: Split) -> list[Sample]:
    """Lesion-free crops of the tuning part, where a recipe knows normals and that part has none.

    Without any, the fit would find that normal never occurs, and the limits of normal could not be chosen.
    """
    has_normals = any(sample.label == "normal" for sample in parts.tune)
    return [] if has_normals or not _learns_from_crops(recipe) else lesion_free_samples(parts.tune)


def _report(trained: Trained, recipe: Recipe, parts: Split, fold: int, folder: Path) -> dict[str, Any]:
    return {
        "recipe": recipe["name"],
        "recipe_sha256": fingerprint(recipe),
        "protocol": protocol(recipe, parts),
        "classes": recipe.get("classes", list(LABELS)),
        "fold": fold,
        "leaking": parts.is_leaking,
        "device": _device_name(),
        "commit": commit(),
        "trained_at_commit": list(dict.fromkeys(trained.commits)),
        "command": f"make evaluate RECIPE={recipe['name']} FOLD={fold}",
        "split_sha256": parts.digest,
        "data_sha256": _content_hash([*parts.train, *parts.tune, *parts.test]),
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "training_seconds": _training_seconds(folder),
        "pictures": {"train": len(parts.train), "tune": len(parts.tune), "test": len(parts.test)},
    } | ({"compared_with": recipe["compared_with"]} if "compared_with" in recipe else {})


def protocol(recipe: Recipe, parts: Split) -> str:
    """What was trained, tuned and reported on, in words."""
    classes = f", {' and '.join(recipe['classes'])} alone" if "classes" in recipe else ""
    windows = ", windows of the pictures too" if recipe.get("windows") else ""
    sources = " and ".join(recipe["sources"]) + classes + windows
    reduced = f"; reduced: {recipe['reduced']}" if "reduced" in recipe else ""
    if parts.is_leaking:
        return f"trained on {sources}, random split picture by picture, near copies on both sides{reduced}"
    tuned = "tuned on one fold" if "leave_out" in recipe else "tuned on the next fold"
    tuned += ", its lesion-free crops as normals" if _stand_ins(recipe, parts) else ""
    frozen = f"; reported frozen on {' and '.join(recipe['test_on'])}" if "test_on" in recipe else ""
    return f"trained on {sources}, grouped and patient-wise folds, {tuned}{frozen}{reduced}"


def _device_name() -> str:
    return f"cuda, {torch.cuda.get_device_name()}" if device().type == "cuda" else "cpu"


def _content_hash(samples: list[Sample]) -> str:
    """sha256 over the bytes of all pictures and masks, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted({path for sample in samples for path in (sample.picture, *sample.masks) if path.is_file()}):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _training_seconds(folder: Path) -> float:
    """Time spent in the training rounds of the networks that this run trained itself."""
    total = 0.0
    for path in folder.glob("*/history.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            total += sum(float(row["seconds"]) for row in csv.DictReader(file))
    return round(total, 1)


def facts(found: Evaluation, recipe: Recipe, parts: Split, fold: int, version: str) -> dict[str, Any]:
    """What the manifest says of training data, operating point and figures."""
    reported = next(source for source in (*recipe["sources"], *found.metrics) if source in found.metrics)
    first = found.metrics[reported]
    scores = found.calibration.probabilities(found.test)[:, MALIGNANT]
    return {
        "version": version,
        "coverage": COVERAGE,
        "split_sha256": parts.digest,
        "data_sha256": _content_hash([*parts.train, *parts.tune, *parts.test]),
        "protocol": protocol(recipe, parts),
        "training_data": [CREDITS.get(source, source) for source in recipe["sources"]],
        "metrics": found.metrics,
        "operating_point": {
            "chosen_on": f"fold {(fold + 1) % FOLDS} of {' and '.join(recipe['sources'])}",
            "measured_on": f"{reported.upper()} fold {fold}, never trained or tuned on",
            "sensitivity": first.get("sensitivity_at_operating_point"),
            "specificity": first.get("specificity_at_operating_point"),
        },
        "reliability": reliability(scores, found.test.labels == MALIGNANT),
    }


def _predicted(
    trained: Trained, recipe: Recipe, samples: list[Sample], path: Path, has_distances: bool = True
) -> Predictions:
    """Predictions of `samples`, read from `path` where the same networks and the same code made them before."""
    networks = weights_sha256(trained.unet, trained.classifier) + code_sha256()
    if path.is_file():
        with np.load(path) as kept:
            if _holds(kept, samples) and kept.get("networks") == networks:
                return kept_predictions(samples, path)
    made = predict(trained, recipe, samples, has_distances)
    _keep(made, networks, path)
    return made


def _keep(made: Predictions, networks: str, path: Path) -> None:
    arrays = {name: getattr(made, name) for name in ARRAYS}
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(file, names=np.asarray(names(made.samples)), networks=np.asarray(networks), **arrays)
    temporary.replace(path)


def _holds(kept: Mapping[str, Any], samples: list[Sample]) -> bool:
    """Whether a file of predictions is of these samples in this order."""
    return set(ARRAYS) <= set(kept) and np.array_equal(kept.get("names", []), np.asarray(names(samples)))


def kept_predictions(samples: list[Sample], path: Path) -> Predictions:
    """The predictions that `evaluate` kept of the same samples in the same order.

    Raises:
        ValueError: they are of other samples.
    """
    with np.load(path) as kept:
        if not _holds(kept, samples):
            raise ValueError(
                f"{path} holds predictions of other pictures, or of an earlier form: evaluate that run again."
            )
        return Predictions(samples, *(kept[name] for name in ARRAYS))
