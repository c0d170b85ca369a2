"""The order of training: U-Net, masks of pictures it has not seen, classifier. The only place that knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from imaging.preprocess import Grey
from training.datasets.sample import Sample
from training.fitting import classification, distillation, segmentation
from training.fitting.loop import trained_at
from training.networks import widened
from training.networks.efficientnet import LesionClassifier
from training.networks.lite_unet import LiteUNet
from training.networks.own_head import OwnHead
from training.networks.unet import LesionUNet
from training.preparation import recipe as recipes
from training.preparation.lesion_free import LESION_FREE
from training.preparation.provenance import names, weights_sha256
from training.preparation.recipe import Recipe
from training.preparation.splits import Split, halves
from training.preparation.transfer import separate
from training.preparation.windows import with_squares, with_windows


@dataclass(frozen=True)
class Trained:
    """What outlines (a U-Net, or a rule), what judges, and the input sizes (pixels) they are served at; 0: any.

    `commits` are those at which the training of each began; a rule has none.
    """

    unet: nn.Module
    classifier: nn.Module
    segmentation_size: int
    classification_size: int
    commits: tuple[str, ...]


def train(recipe: Recipe, parts: Split, folder: Path, unet_folder: Path) -> Trained:
    """Train every stage of a recipe on the training part; resumable.

    Args:
        folder: holds the classifier's checkpoint; unet_folder: those of the U-Nets, which ablations share.

    Raises:
        ValueError: one of the folders holds a network that was trained otherwise.
    """
    outlining, judging = shown(recipe, parts.train)
    unet = segmentation.train(recipe["segmentation"], outlining, unet_folder / "segmentation", recipe["seed"])
    if recipes.has_own_head(recipe):
        assert isinstance(unet, LiteUNet)
        size = _last_size(recipe, "segmentation")
        return Trained(unet, OwnHead(unet), size, size, (trained_at(unet_folder / "segmentation"),))
    start = _start(recipe, unet, parts.train, unet_folder)
    classifier = classification.train(
        recipe["classification"],
        recipe["mask"],
        judging,
        lambda: _unseen_maps(recipe, unet, judging, unet_folder),
        _distilled(recipe, unet, outlining, unet_folder) or _encoder(recipe, start),
        folder / "classification",
        recipe["seed"],
        drawn_by=[
            recipe["segmentation"],
            recipe.get("out_of_fold"),
            _weights(recipe, unet, start),
            *([recipe["distillation"]] if "distillation" in recipe else []),
        ],
    )
    used = [*(unet_folder / name for name in _unets(recipe)), folder / "classification"]
    commits = tuple(trained_at(place) for place in used if (place / "averaged.pt").is_file())
    return Trained(unet, classifier, _last_size(recipe, "segmentation"), _last_size(recipe, "classification"), commits)


def _unets(recipe: Recipe) -> list[str]:
    """The folders of the U-Nets that a recipe's result rests on."""
    halves = (
        ["half-0", "half-1"] if "out_of_fold" in recipe and recipe["classification"]["input"] == "segmented" else []
    )
    return ["segmentation", *(["pretraining"] if "pretraining" in recipe else []), *halves]


def shown(recipe: Recipe, samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """What the U-Net and what the classifier of a recipe learn from: pictures, and the parts of them that it names.

    With `windows` these are windows; without, lesion-free squares where a network draws lesion-free pictures.
    """
    if recipe.get("windows", 0):
        samples = with_windows(samples, recipe["windows"])
    elif any(LESION_FREE in recipe[part].get("sampling", {}) for part in ("segmentation", "classification")):
        samples = with_squares(samples)
    return separate(samples, recipe["segmentation"].get("share"))


def _last_size(recipe: Recipe, part: str) -> int:
    return int(recipe[part]["stages"][-1]["size"]) if "stages" in recipe[part] else 0


def _start(recipe: Recipe, unet: nn.Module, samples: list[Sample], folder: Path) -> nn.Module:
    """What the classifier may start from: the U-Net, or one that is trained for its encoder alone."""
    if "pretraining" not in recipe:
        return unet
    plain, _ = shown({**recipe, "windows": 0}, samples)  # an encoder needs no windows to start from
    return segmentation.train(recipes.pretraining(recipe), plain, folder / "pretraining", recipe["seed"])


def _distilled(recipe: Recipe, unet: nn.Module, samples: list[Sample], folder: Path) -> dict[str, torch.Tensor] | None:
    """The weights of a classifier that was widened from the U-Net's encoder and has learned to see as it does.

    Raises:
        ValueError: the U-Net's encoder is not the one that the classifier can be widened from.
    """
    if "distillation" not in recipe:
        return None
    part, size = recipe["classification"], recipe["segmentation"]["backbone"]
    if not isinstance(unet, LiteUNet) or widened.START_OF[part["backbone"]] != size:
        raise ValueError(f"{part['backbone']} starts from {widened.START_OF[part['backbone']]}, not from {size}.")
    student = LesionClassifier(part["backbone"], part["dropout"])
    torch.manual_seed(recipe["seed"])  # of the noise that parts the copies
    widened.start(student, unet.encoder.cpu().state_dict(), size, noise=part["noise"])
    place = folder / "distillation"
    return distillation.distil(
        recipe["distillation"], student, unet.encoder, samples, place, recipe["seed"]
    ).state_dict()


def _encoder(recipe: Recipe, start: nn.Module) -> dict[str, torch.Tensor] | None:
    """The encoder of a U-Net, where the classifier is the same network and can start from it."""
    is_same = isinstance(start, LesionUNet) and recipe["classification"]["network"] == "efficientnet"
    return start.unet.encoder.state_dict() if is_same else None


def _weights(recipe: Recipe, unet: nn.Module, start: nn.Module) -> str:
    """sha256 of the networks whose weights decide what the classifier learns from and where it starts."""
    draws_itself = recipe["classification"]["input"] == "segmented" and "out_of_fold" not in recipe
    return weights_sha256(unet, start) if draws_itself and start is not unet else weights_sha256(start)


def _unseen_maps(recipe: Recipe, unet: nn.Module, samples: list[Sample], folder: Path) -> list[Grey]:
    """Lesion probabilities drawn by networks that did not see the picture, in the order of `samples`.

    A classifier trained on the masks that the U-Net drew for its own training pictures would meet masks that are
    better than any it will see later.
    """
    if recipe["classification"]["input"] != "segmented":
        return [np.zeros_like(sample.pixels()) for sample in samples]
    if "out_of_fold" not in recipe:  # a rule, or a U-Net that was trained on pictures apart
        return _maps(unet, samples, _last_size(recipe, "segmentation"))
    return _out_of_fold_maps(recipe, samples, folder)


def _maps(network: nn.Module, samples: list[Sample], size: int) -> list[Grey]:
    return segmentation.probabilities(network, [sample.pixels() for sample in samples], size)


def _out_of_fold_maps(recipe: Recipe, samples: list[Sample], folder: Path) -> list[Grey]:
    part = recipes.out_of_fold(recipe)
    pair = halves(samples)
    maps: dict[str, Grey] = {}
    for number, (seen, unseen) in enumerate((pair, pair[::-1])):
        network = segmentation.train(part, seen, folder / f"half-{number}", recipe["seed"] + number + 1)
        drawn = _maps(network, unseen, int(part["stages"][-1]["size"]))
        maps.update(zip(names(unseen), drawn, strict=True))
    return [maps[name] for name in names(samples)]
