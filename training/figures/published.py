"""What papers report for systems of the kind of each recipe, to stand beside the honest figure."""

from __future__ import annotations

BUSI_RANGE = "0.93 to 0.99 accuracy, random split of BUSI"
NOT_COMPARABLE = "none on comparable terms"

# Four of the five systems after which the recipes are built report 93 to 99 % on random splits of BUSI. Their splits
# are not published, so no figure can be checked, and none is ascribed to a single paper here.
PUBLISHED = {
    "unet-efficientnetb3": BUSI_RANGE,
    "unet5x5-cnn": BUSI_RANGE,
    "resnet101-enhanced": BUSI_RANGE,
    "unet-segnet": BUSI_RANGE,
    "resnet50-mammography": NOT_COMPARABLE,
}


def published(recipe: str, data: str) -> str:
    """The published figure beside a recipe's row on a data set; a dash for ablations and for other data sets."""
    found = PUBLISHED.get(recipe, "-")
    return found if found == NOT_COMPARABLE or data.startswith("busi") else "-"
