"""The order of training: U-Net, out-of-fold masks, classifier. The only place that knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imaging.preprocess import Grey
from training import classification, segmentation
from training import recipe as recipes
from training.datasets.sample import Sample
from training.networks.efficientnet import LesionClassifier
from training.networks.unet import LesionUNet
from training.recipe import Recipe
from training.splits import Split, halves


@dataclass(frozen=True)
class Trained:
    """The two trained networks of a recipe and the input sizes (pixels) they are served at."""

    unet: LesionUNet
    classifier: LesionClassifier
    segmentation_size: int
    classification_size: int


def train(recipe: Recipe, parts: Split, folder: Path, unet_folder: Path) -> Trained:
    """Train every stage of a recipe on the training part; resumable.

    Args:
        folder: holds the classifier's checkpoint; unet_folder: those of the U-Nets, which ablations share.
    """
    unet = segmentation.train(recipe["segmentation"], parts.train, unet_folder / "segmentation", recipe["seed"])
    classifier = classification.train(
        recipe["classification"],
        recipe["mask"],
        parts.train,
        lambda: _out_of_fold_maps(recipe, parts.train, unet_folder),
        unet.unet.encoder.state_dict(),
        folder / "classification",
        recipe["seed"],
    )
    return Trained(unet, classifier, _last_size(recipe, "segmentation"), _last_size(recipe, "classification"))


def _last_size(recipe: Recipe, part: str) -> int:
    return int(recipe[part]["stages"][-1]["size"])


def _out_of_fold_maps(recipe: Recipe, samples: list[Sample], folder: Path) -> tuple[list[Grey], list[Grey]]:
    """Lesion probabilities drawn by networks that did not see the picture, in the order of `samples`.

    A classifier trained on the masks that the U-Net drew for its own training pictures would meet masks that are
    better than any it will see later.
    """
    part = recipes.out_of_fold(recipe)
    pair = halves(samples)
    maps: dict[str, Grey] = {}
    crop_maps: dict[str, Grey] = {}
    for number, (seen, unseen) in enumerate((pair, pair[::-1])):
        network = segmentation.train(part, seen, folder / f"half-{number}", recipe["seed"] + number + 1)
        size = int(part["stages"][-1]["size"])
        drawn = segmentation.probabilities(network, [sample.pixels() for sample in unseen], size)
        maps.update(zip((sample.identifier for sample in unseen), drawn, strict=True))
        for sample in unseen:
            for crop in classification.lesion_free_crops([sample]):
                crop_maps[sample.identifier] = segmentation.probabilities(network, [crop], size)[0]
    ordered = [sample.identifier for sample in samples]
    return [maps[name] for name in ordered], [crop_maps[name] for name in ordered if name in crop_maps]
