"""What was tried and what it changed: `docs/explanation/what-helped.md`, from figures alone.

    python -m training.questions.what_helped --data DATA

measures what can be varied without training anew (how the two networks are added and calibrated, and when an
mask is dropped) on the kept predictions of the default recipe. `make leaderboard` writes the page from that and
from the rows of the recipes that vary the default one, so it fills itself as recipes are trained.
"""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imaging.statistics.intervals import Figure
from imaging.statistics.scores import NEVER, Scaling
from training import datasets
from training.figures.evaluate import kept_predictions
from training.figures.judged import UNCALIBRATED, Judged, judge
from training.figures.leaderboard_page import TITLES
from training.figures.metrics import differences, measures_of
from training.fitting.calibrate import (
    NORMAL,
    Calibration,
    Dropping,
    calibrate,
    case_mix_weights,
    fit_dropping,
    fit_scaling,
    unseen_scores,
)
from training.fitting.predict import Predictions
from training.preparation.splits import split

Row = dict[str, Any]
Fit = Callable[[Predictions], Scaling]

RESULTS = Path("training/results/what_helped.json")
PAGE = Path("docs/explanation/what-helped.md")
DEFAULT = "unet-efficientnetb3"
WHOLE = "unet-efficientnetb3-whole"
UNSEEN = "unet-efficientnetb3-without-busbra"
SETS = ("busi", "busbra")
FIGURES = (
    "benign_malignant_auc",
    "balanced_accuracy",
    "normal_sensitivity",
    "expected_calibration_error",
    "brier",
    "dice_lesions",
    "dice_with_normals",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.what_helped", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--run", type=Path, default=Path(f"runs/{DEFAULT}/fold0"), help="an evaluated run")
    arguments = parser.parse_args()
    parts = split(datasets.read(list(SETS), arguments.data), int(arguments.run.name.removeprefix("fold")))
    tune, test, train = (
        kept_predictions(getattr(parts, name), arguments.run / f"predictions-{name}.npz")
        for name in ("tune", "test", "train")
    )
    found = measured(tune, test, calibrate(tune, train.embeddings))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    rows = json.loads((RESULTS.parent / "leaderboard.json").read_text(encoding="utf-8"))
    PAGE.write_text(page(rows, found), encoding="utf-8")
    print(f"written: {RESULTS}, {PAGE}")


def measured(tune: Predictions, test: Predictions, shipped: Calibration) -> dict[str, Any]:
    """Every variation's figures minus the shipped ones on the same test pictures, and its log loss on the tuning part.

    The log loss is of pictures that the fit has not seen: five parts of the tuning fold, by group.
    """
    base = judge(test, shipped)
    found = {}
    for name, fit in _fits().items():
        other = judge(test, _refitted(shipped, fit, tune))
        found[name] = {"log_loss": _log_loss(tune, fit), "differences": _against(other, base)}
    rules = {
        "no mask is ever dropped": Dropping(NEVER, NEVER),
        "the class alone drops masks": replace(shipped.dropping, certain_outline=NEVER),
    }
    for name, rule in rules.items():
        kept = judge(test, replace(shipped, dropping=rule))
        found[name] = {"log_loss": None, "differences": _against(kept, base)}
    figures = {source: _values(base.where(base.sources == source)) for source in SETS if (base.sources == source).any()}
    return {"shipped": {"log_loss": _log_loss(tune, _shipped), "figures": figures}, "variations": found}


def _refitted(shipped: Calibration, fit: Fit, tune: Predictions) -> Calibration:
    """The shipped calibration with another scaling, and the rule for dropping masks that is fitted to that one."""
    scaling = fit(tune)
    normal = scaling.probabilities(tune.logits, tune.unet_logits)[:, NORMAL]
    return replace(shipped, scaling=scaling, dropping=fit_dropping(normal, tune))


def _shipped(tune: Predictions) -> Scaling:
    return fit_scaling(tune.logits, tune.unet_logits, tune.labels, case_mix_weights(tune.labels))


def _fits() -> dict[str, Fit]:
    def alike(tune: Predictions) -> Scaling:
        return fit_scaling(tune.logits, tune.unet_logits, tune.labels, np.full(len(tune.labels), 1 / len(tune.labels)))

    def without_bias(tune: Predictions) -> Scaling:
        return fit_scaling(tune.logits, tune.unet_logits, tune.labels, case_mix_weights(tune.labels), has_bias=False)

    def classifier_alone(tune: Predictions) -> Scaling:
        fitted = fit_scaling(tune.logits, 0 * tune.unet_logits, tune.labels, case_mix_weights(tune.labels))
        return replace(fitted, unet_weight=0.0)

    def head_alone(tune: Predictions) -> Scaling:
        fitted = fit_scaling(0 * tune.logits, tune.unet_logits, tune.labels, case_mix_weights(tune.labels))
        return Scaling(1e6 * fitted.temperature, 1e6 * fitted.unet_weight, fitted.bias)  # the classifier's part: none

    return {
        "the classifier alone": classifier_alone,
        "the U-Net's head alone": head_alone,
        "both added as they are, no calibration": lambda tune: UNCALIBRATED,
        "one temperature, no bias per class": without_bias,
        "fitted to the data sets' own mix of classes": alike,
    }


def _log_loss(tune: Predictions, fit: Fit) -> float:
    """Mean over the classes of the negative log likelihood of unseen pictures, weighted to the stated case mix."""
    own = unseen_scores(tune, fit)[np.arange(len(tune.labels)), tune.labels]
    return float(-(case_mix_weights(tune.labels) * np.log(own + 1e-12)).sum())


def _values(rows: Judged) -> dict[str, float]:
    everything = np.arange(len(rows))
    values = {name: measures_of(rows)[name](everything) for name in FIGURES if name in measures_of(rows)}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _against(other: Judged, base: Judged) -> dict[str, dict[str, Figure]]:
    return {
        source: differences(other.where(other.sources == source), base.where(base.sources == source), FIGURES)
        for source in SETS
        if (base.sources == source).any()
    }


HEAD = """# What was tried, and what it changed

Research software, not a medical device: these are figures of pictures, not of a person.

Only what was measured stands here. Differences are on the same test pictures, drawn together for each interval, so
they tell more than two intervals side by side. Above 0 is more: good for AUC, accuracy, sensitivity and Dice, bad for
calibration error and Brier score. An interval that holds 0 means that nothing was shown.
"""
ENHANCED = "resnet101-enhanced-none"  # what the steps of the enhancement are compared with
RECIPES = """The default recipe outlines with a U-Net and judges the segmented picture with an EfficientNetB3. Runs of
reduced size say so in the protocol of their rows in `training/results/leaderboard.json`. A recipe that tells
benign and malignant apart and knows no normals is compared by what both know.
"""
STEPS = """ResNet101 sees the whole picture. Each recipe `resnet101-enhanced-...` takes one step before that, and is
trained as long on the same pictures as the one that takes none, against which the differences stand. All are reduced
runs from scratch, one of each: what a step is worth to a network that has learnt more, or to another start, may differ.
"""
ON_WHOLE = """The default recipe learned like this before it learned from windows (`unet-efficientnetb3-whole`): from
whole pictures, and from lesion-free squares as further normals. These vary that one, or were measured against it.
"""
WINDOWS = """The default recipe trained on BUSI alone learns from windows of each picture too: parts of all shapes that
hold the whole lesion or none of it. What is lost with whole pictures and lesion-free squares alone, at a hospital that
neither has seen: both are reported on all of BUS-BRA; one run of each, whose classifiers start from the same encoder.
"""
VARIATIONS = """Without training: the kept predictions of the default recipe, fold 0. *Shipped* is: the logits of both
networks added in a fitted proportion, one temperature, a bias per class, all fitted on the tuning fold to a stated case
mix; a mask is dropped where the probability of normal is at or above a limit, even where another class leads
([why](../adr/0008-both-networks-judge-the-classes.md)), unless the U-Net is certain of it
([why](../adr/0013-a-mask-is-dropped-only-where-both-agree.md)). Each variation is fitted anew, those limits too.
The log loss is of pictures of the tuning fold that the fit had not seen, weighted to the case mix.
"""


def page(rows: list[Row], found: dict[str, Any] | None) -> str:
    """The page as Markdown, from the leaderboard's rows and, where they were measured, the variations."""
    trained = _trained(rows, DEFAULT, f"## Recipes against the default one\n\n{RECIPES}")
    on_whole = _trained(rows, WHOLE, f"## Recipes that learn from whole pictures\n\n{ON_WHOLE}")
    enhanced = _trained(rows, ENHANCED, f"## Enhancing the picture\n\n{STEPS}") + _steps_shown(rows)
    windows = _trained(rows, UNSEEN, f"## Without windows, at a hospital never seen\n\n{WINDOWS}")
    return "\n".join([HEAD, trained, windows, on_whole, enhanced, *([_varied(found)] if found else []), TAIL])


def _trained(rows: list[Row], other: str, head: str) -> str:
    """Differences against the recipe `other`; columns that no recipe can fill are left out."""
    own = [row for row in rows if row.get("against", {}).get("recipe") == other and row["data"] in SETS]
    if not own:
        return f"{head}\nNone is trained and measured yet.\n"
    wanted = ("benign_malignant_auc", "balanced_accuracy", "dice_lesions_unet_alone", "brier")
    keys = [key for key in wanted if any(key in row["against"]["figures"] for row in own)]
    lines = [
        head,
        f"| recipe | data, fold | {' | '.join(TITLES[key] for key in keys)} |",
        "| --- | --- |" + " --- |" * len(keys),
    ]
    for row in own:
        cells = [_text(row["against"]["figures"].get(key)) for key in keys]
        reduced = " (reduced)" if "reduced" in row["protocol"] else ""
        lines.append(f"| {row['recipe']}{reduced} | {row['data']}, {row['fold']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _steps_shown(rows: list[Row]) -> str:
    """Which steps the AUC's intervals show to help or to harm, in a sentence; nothing where none was measured."""
    found: dict[str, list[str]] = {"more": [], "less": []}
    own = [row for row in rows if row.get("against", {}).get("recipe") == ENHANCED and row["data"] in SETS]
    for row in own:
        figure = row["against"]["figures"].get("benign_malignant_auc")
        step = f"{row['recipe'].removeprefix('resnet101-enhanced-')} on {row['data']}"
        if figure and figure["low"] > 0:
            found["more"].append(step)
        if figure and figure["high"] < 0:
            found["less"].append(step)
    sentences = [
        f"An AUC that is shown to be {how} than without: {', '.join(steps)}." for how, steps in found.items() if steps
    ]
    return "\n" + textwrap.fill(" ".join(sentences), 120) + "\n" if sentences else ""


def _varied(found: dict[str, Any]) -> str:
    lines = ["## Adding, calibrating, dropping\n", VARIATIONS]
    for source, shipped in found["shipped"]["figures"].items():
        keys = [key for key in FIGURES if key in shipped]
        lines += [f"### {source}\n", f"| instead of shipped | log loss | {' | '.join(TITLES[key] for key in keys)} |"]
        lines += ["| --- | --- |" + " --- |" * len(keys)]
        lines += [f"| *shipped* | {_loss(found['shipped'])} | {' | '.join(f'{shipped[key]:.3f}' for key in keys)} |"]
        for name, variation in found["variations"].items():
            cells = [_text(variation["differences"][source].get(key)) for key in keys]
            lines.append(f"| {name} | {_loss(variation)} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _loss(entry: dict[str, Any]) -> str:
    return "-" if entry["log_loss"] is None else f"{entry['log_loss']:.3f}"


def _text(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if max(abs(value) for value in figure.values()) < 5e-4:
        return "0"
    return f"{figure['value']:+.3f} ({figure['low']:+.3f} to {figure['high']:+.3f})"


TAIL = """## Not measured

Believed to help, built in, and never taken away to see: pre-training of the classifier's encoder on masks,
lesion-free parts as further normals, sampling by source and class, the moving average of the weights, growing picture
size, augmentation. Not built: self-supervised pre-training, multi-task training with BI-RADS, mixing, test-time flips,
painting over calipers and writing. How much a longer training brings was never varied alone. Weights from photographs
(ImageNet) could not be had.
"""

if __name__ == "__main__":
    main()
