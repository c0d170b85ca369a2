"""A recipe is data: one YAML file under `experiments/` says all that distinguishes one system from another."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
PARTS = ("segmentation", "pretraining", "out_of_fold", "classification")
SMALLEST: dict[str, dict[str, Any]] = {  # what a quick run makes of each network
    "unet": {"backbone": "efficientnet-b0"},
    "plain-unet": {"channels": [4, 8, 16]},
    "efficientnet": {"backbone": "efficientnet-b0"},
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
    return _shrunk(recipe) if quick else recipe


def _merged(base: Recipe, changes: Recipe) -> Recipe:
    """`base` with `changes` laid over it, part by part."""
    return base | {
        key: _merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in changes.items()
    }


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
