"""A recipe is data: one YAML file under `experiments/` says all that distinguishes one system from another."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
OWN_HEAD = "own-head"
PARTS = ("segmentation", "pretraining", "out_of_fold", "distillation", "classification")
SMALLEST: dict[str, dict[str, Any]] = {  # what a quick run makes of each network
    "unet": {"backbone": "efficientnet-b0"},
    "lite-unet": {"backbone": "lite0", "decoder_channels": [16, 8, 8, 8]},
    "plain-unet": {"channels": [4, 8, 16]},
    "efficientnet": {"backbone": "efficientnet-b0"},
    "widened-efficientnet": {"backbone": "efficientnet-b0"},
    "resnet": {"backbone": "resnet18"},
    "cnn": {"channels": [4, 8], "dense": [16]},
    "segnet": {"channels": [8, 16]},
}
Recipe = dict[str, Any]


def read(name: str, quick: bool = False) -> Recipe:
    """Read a recipe by name; `quick` shrinks it to minutes, to prove that everything runs.

    Raises:
        FileNotFoundError: there is no such recipe; the message lists those that exist.
    """
    path = EXPERIMENTS / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in EXPERIMENTS.glob("*.yaml")))
        raise FileNotFoundError(f"No recipe '{name}'. Known: {known}.")
    recipe: Recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "extends" in recipe:
        recipe = _merged(read(recipe["extends"]), recipe)
    if "leave_out" in recipe:
        recipe = _without(recipe, recipe["leave_out"])
    return _shrunk(recipe) if quick else recipe


def _merged(base: Recipe, changes: Recipe) -> Recipe:
    """`base` with `changes` laid over it, part by part."""
    return base | {
        key: _merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in changes.items()
    }


def _without(recipe: Recipe, hospital: str) -> Recipe:
    """The recipe for everybody but one hospital, which is then reported alone.

    The draws of each class that were that hospital's go to the other sources of the class, in the shares they have.
    """
    sources = [source for source in recipe["sources"] if source != hospital]
    parts = {
        name: recipe[name] | {"sampling": _dealt_to_others(recipe[name]["sampling"], hospital)}
        for name in PARTS
        if "sampling" in recipe.get(name, {})
    }
    return recipe | parts | {"sources": sources, "test_on": [hospital]}


def _dealt_to_others(sampling: dict[str, dict[str, float]], hospital: str) -> dict[str, dict[str, float]]:
    others = {source: shares for source, shares in sampling.items() if source != hospital}
    totals: dict[str, float] = {}
    for label, share in (pair for shares in others.values() for pair in shares.items()):
        totals[label] = totals.get(label, 0.0) + share
    left = sampling.get(hospital, {})
    return {
        source: {label: share * (1 + left.get(label, 0.0) / totals[label]) for label, share in shares.items()}
        for source, shares in others.items()
    }


def judging(recipe: Recipe) -> dict[str, Any]:
    """The part whose draws what judges has learned from: the U-Net's own, where its head is the judge."""
    return dict(recipe["segmentation" if has_own_head(recipe) else "classification"])


def has_own_head(recipe: Recipe) -> bool:
    """Whether no network of its own judges, but the head of the one that outlines."""
    return bool(recipe["classification"]["network"] == OWN_HEAD)


def out_of_fold(recipe: Recipe) -> Recipe:
    """The segmentation part of a recipe, shortened for the networks that draw out-of-fold masks."""
    return {**recipe["segmentation"], **recipe["out_of_fold"]}


def pretraining(recipe: Recipe) -> Recipe:
    """The segmentation part of a recipe, as it is for the U-Net whose encoder the classifier starts from."""
    return {**recipe["segmentation"], **recipe["pretraining"]}


def _shrunk(recipe: Recipe) -> Recipe:
    small = copy.deepcopy(recipe)
    small["limit"] = 10  # pictures per fold, source and class
    for part in PARTS:
        if "stages" in small.get(part, {}):
            small[part]["stages"] = [{"size": 64, "epochs": 1}]
            small[part]["draws_per_epoch"] = 16
    for part in ("segmentation", "classification"):
        small[part] |= {"batch_size": 8, **SMALLEST.get(small[part]["network"], {})}
    if "pretraining" in small:
        small["pretraining"] |= SMALLEST["unet"]
    return small
