"""What papers report for systems of the kind of each recipe, to stand beside the honest figure.

Each figure is as its authors give it, on a split of their own that is not published: none can be checked here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """Figures in words, and the start of the names of the data sets whose rows they may stand beside."""

    figures: str
    data: str


PUBLISHED = {
    "unet-efficientnetb3": Reported("accuracy 86.39 %, pixel accuracy 95.81 %", "busi"),
    "unet5x5-cnn": Reported("Dice 0.943, Jaccard 0.896, accuracy 0.896, F1 0.939", "busi"),
    "resnet101-enhanced": Reported("accuracy 97 to 99 %", "busi"),
    "unet-segnet": Reported("accuracy 93.23 and 98 %", "busi"),
    "resnet50-mammography": Reported("accuracy 96 to 98 %", "mias"),
}


def published(recipe: str, data: str) -> str:
    """The published figures beside a recipe's row on a data set; a dash for ablations and for other data sets."""
    found = PUBLISHED.get(recipe)
    return found.figures if found is not None and data.startswith(found.data) else "-"
