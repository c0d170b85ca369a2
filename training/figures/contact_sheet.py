"""A sheet of the best, the middle and the worst masks, the expert's in green and the network's in red.

It shows pictures of the data sets, so it stays in the run's folder, which is never published.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from imaging.postprocess import mask_of
from training.fitting import segmentation
from training.fitting.pipeline import Trained
from training.fitting.predict import Predictions
from training.preparation.recipe import Recipe

PER_ROW = 5


def chosen_cases(dice: NDArray[np.float64], per_row: int = PER_ROW) -> dict[str, list[int]]:
    """Row numbers of the best, middle and worst cases by Dice; NaN is no case."""
    order = [int(row) for row in np.argsort(-dice, kind="stable") if np.isfinite(dice[row])]
    per_row = min(per_row, len(order))
    middle = max(0, (len(order) - per_row) // 2)
    return {
        "best": order[:per_row],
        "middle": order[middle : middle + per_row],
        "worst": order[len(order) - per_row :][::-1],
    }


def draw(folder: Path, trained: Trained, recipe: Recipe, test: Predictions) -> None:
    """Save a sheet per data set, `cases-<source>.png`; nothing where the recipe outlines nothing."""
    for source in sorted({sample.source for sample in test.samples}):
        part = test.from_source(source)
        dice = np.where([bool(sample.masks) for sample in part.samples], part.dice, np.nan)
        if np.isfinite(dice).any():
            _sheet(folder / f"cases-{source}.png", trained, recipe, part, chosen_cases(dice))


def _sheet(path: Path, trained: Trained, recipe: Recipe, part: Predictions, cases: dict[str, list[int]]) -> None:
    figure, axes = plt.subplots(len(cases), PER_ROW, figsize=(3 * PER_ROW, 3 * len(cases)), squeeze=False)
    for one in axes.flat:
        one.axis("off")
    for row, (name, numbers) in enumerate(cases.items()):
        pixels = [part.samples[number].pixels() for number in numbers]
        maps = segmentation.probabilities(trained.unet, pixels, trained.segmentation_size)
        for column, (number, picture, drawn) in enumerate(zip(numbers, pixels, maps, strict=True)):
            sample, rule = part.samples[number], recipe["mask"]
            found = mask_of(drawn, rule["threshold"], rule["smallest_share"])
            _case(axes[row][column], picture, sample.mask(*picture.shape), found)
            axes[row][column].set_title(f"{name}: {sample.label}, Dice {part.dice[number]:.2f}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _case(axes: plt.Axes, picture: NDArray[np.uint8], truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    for mask, colour in ((truth, "lime"), (found, "red")):
        if mask.any() and not mask.all():
            axes.contour(mask, levels=[0.5], colors=colour, linewidths=1.0)
