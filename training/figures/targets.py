"""The figures that the networks are steered by, each under one key, from the runs of the recipe that is to be served.

`training/results/targets.json` holds `{key: {value, low, high, command}}` of what was measured; a figure that was not
has no key. Figures over the left-out hospitals are means in which every hospital counts alike: the next one is a draw
of hospitals, not of pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.statistics.intervals import Figure, Measure, with_interval
from training.datasets.sample import FOLDS, LABELS
from training.figures import answers, judged
from training.figures.judged import Judged
from training.figures.metrics import figures_of, measures_of
from training.preparation.normals import SUFFIX

CHOSEN = "unet-lite0"
HOSPITALS = ("busi", "busbra", "breast")
RESULTS = Path("training/results/targets.json")

UNSEEN = {"auc": "benign_malignant_auc", "dice": "dice_lesions"}
DESCRIPTORS = ("shape", "margin", "posterior", "orientation")  # as far as a set with radiologists' words holds them
MEANS = {"ece": "expected_calibration_error", "declined": "novelty_refused"}
FOLDS_OF = {
    "busi": {
        "auc": "benign_malignant_auc",
        "balanced_accuracy": "balanced_accuracy",
        "accuracy": "accuracy",
        "dice": "dice_lesions",
        "dice_with_normals": "dice_with_normals",
        "normal_sensitivity": "normal_sensitivity",
        "normal_specificity": "normal_specificity",
    },
    "busbra": UNSEEN,
}

Target = dict[str, Any]  # value, low, high, command


def merged(kept: dict[str, Target], runs: Path, recipe: str = CHOSEN) -> dict[str, Target]:
    """What was kept, each key replaced where `runs` holds what it takes to measure it again."""
    return dict(sorted((kept | dict(measured(runs, recipe))).items()))


def measured(runs: Path, recipe: str = CHOSEN) -> Iterator[tuple[str, Target]]:
    """Every key that the evaluated runs of a recipe and of its left-out hospitals can give."""
    left_out = {
        hospital: judged.read(path)
        for hospital in HOSPITALS
        if (path := runs / f"{recipe}-without-{hospital}" / "fold0" / "judged.npz").is_file()
    }
    for hospital, rows in left_out.items():
        command = f"make evaluate RECIPE={recipe}-without-{hospital}"
        found = unseen(rows.where(rows.sources == hospital), hospital)
        yield from ((key, figure | {"command": command}) for key, figure in found.items())
    if len(left_out) == len(HOSPITALS):
        command = " && ".join(f"make evaluate RECIPE={recipe}-without-{hospital}" for hospital in HOSPITALS)
        found = over_hospitals(judged.joined(list(left_out.values())))
        yield from ((key, figure | {"command": command}) for key, figure in found.items())
    folds = [runs / recipe / f"fold{fold}" / "judged.npz" for fold in range(FOLDS)]
    if all(path.is_file() for path in folds):
        command = f"make train-all RECIPES={recipe}"
        found = in_folds(judged.joined([judged.read(path) for path in folds]))
        yield from ((key, figure | {"command": command}) for key, figure in found.items())


def unseen(rows: Judged, hospital: str) -> dict[str, Figure]:
    """Figures of one hospital that networks have never seen, among them what they would tell its patients."""
    figures = figures_of(rows, tuple(UNSEEN.values()))
    found = {f"unseen_{hospital}_{key}": figures[name] for key, name in UNSEEN.items() if name in figures}
    if hospital == "breast":  # the set whose cancers and most of whose harmless lesions are proven by biopsy
        told = told_measures(rows)
        found |= {f"unseen_breast_{key}": with_interval(told[key], rows.groups) for key in told}
    return found


def told_measures(rows: Judged) -> dict[str, Measure]:
    """Cancers answered with words that reassure, harmless lesions called urgent."""
    given = answers.answers(rows)
    is_benign = rows.labels == LABELS.index("benign")
    return {
        "cancers_reassured": answers.measures(rows)["malignant_missed"],
        "harmless_urgent": answers.share(given == answers.PROMPT, is_benign),
    }


def over_hospitals(rows: Judged) -> dict[str, Figure]:
    """Means over the left-out hospitals; `rows` are the pictures of all, and their lesion-free squares."""
    whole, beside = rows.where(np.isin(rows.sources, HOSPITALS)), rows.where(np.char.endswith(rows.sources, SUFFIX))
    measures = measures_of(whole)
    found = {f"unseen_{key}": _mean_over(whole, measures[name]) for key, name in MEANS.items()}
    found["unseen_answered"] = _mean_over(whole, lambda at: 1 - measures["abstained"](at))
    if len(beside):
        found["unseen_lesion_free_normal"] = _mean_over(beside, measures_of(beside)["normal_sensitivity"])
    return found


def _mean_over(rows: Judged, measure: Measure) -> Figure:
    """The mean over sources of a measure; groups are drawn from all of them together."""
    sources = np.unique(rows.sources)

    def mean(at: NDArray[np.int64]) -> float:
        return float(np.mean([measure(at[rows.sources[at] == source]) for source in sources]))

    return with_interval(mean, rows.groups)


def in_folds(rows: Judged) -> dict[str, Figure]:
    """Figures of the pictures of all five folds, each judged by networks that had not seen it."""
    found: dict[str, Figure] = {}
    for source, names in FOLDS_OF.items():
        figures = figures_of(rows.where(rows.sources == source), tuple(names.values()))
        found |= {f"folds_{source}_{key}": figures[name] for key, name in names.items() if name in figures}
    return found


def of_descriptors(path: Path) -> dict[str, Target]:
    """Agreement of the descriptors' models with radiologists, from the file that `questions.descriptors` wrote."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {
        f"kappa_{name}": found[name]["model"]["kappa"] | {"command": found["command"]}
        for name in DESCRIPTORS
        if name in found
    }


def of_refusing(path: Path) -> dict[str, Target]:
    """Strangers refused by a score that has not met their organ, from the file that `questions.refusing` wrote."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {"strangers_refused": found["linear"]["mean over organs"] | {"command": found["command"]}}


def write(runs: Path, path: Path = RESULTS) -> None:
    """Write the file, keeping what only another machine has measured."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    asked = of_descriptors(path.with_name("descriptors.json")) | of_refusing(path.with_name("refusing.json"))
    found = merged(kept | asked, runs)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
