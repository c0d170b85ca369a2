"""What the shape of a picture does to its answer: `python -m training.questions.picture_shape RECIPE`.

The lesion pictures of the reported part are cut to five shapes, each as large as the picture allows and around the
lesion. What is measured is how many of them are then held for normal. A network that looks at tissue gives about the
same answer for all five; the pictures of two hospitals differ in little as much as in their shape. A cut also
magnifies, and it can cut off a part of a large lesion; how many it does is counted.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np

from imaging.postprocess import box_of
from imaging.preprocess import Box
from imaging.statistics.intervals import Figure, with_interval
from training import datasets
from training.datasets.sample import Sample
from training.figures import evaluate
from training.figures.judged import Judged, judge
from training.fitting import pipeline
from training.fitting.calibrate import NORMAL, Calibration
from training.fitting.pipeline import Trained
from training.fitting.predict import predict
from training.preparation import recipe as recipes
from training.preparation import transfer
from training.preparation.recipe import Recipe
from training.preparation.splits import Split
from training.preparation.windows import Window, view

RESULTS = Path("training/results/picture_shape.json")
SHAPES = (0.65, 0.8, 1.0, 1.25, 1.5)  # height over width
MOST = 300  # lesion pictures of a data set, taken evenly: enough for intervals of some five points

Figures = dict[str, dict[str, Figure]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.picture_shape", description=__doc__)
    parser.add_argument("recipe", help="a recipe that knows normals, trained and evaluated in --runs")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    recipe = recipes.read(arguments.recipe)
    samples = transfer.known(recipe, datasets.read(transfer.sources_of(recipe), arguments.data))
    parts = transfer.parts_of(recipe, samples, 0)
    folder = arguments.runs / recipe["name"] / "fold0"
    trained = pipeline.train(recipe, parts, folder, arguments.runs / recipe.get("unet_of", recipe["name"]) / "fold0")
    calibration = evaluate.calibrated(trained, recipe, parts, folder)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    kept[recipe["name"]] = measured(trained, recipe, calibration, parts)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(kept[recipe["name"]], indent=1))


def measured(trained: Trained, recipe: Recipe, calibration: Calibration, parts: Split) -> dict[str, Figures]:
    """By data set and shape: lesions that are held for normal, and those that end without a mask."""
    lesions = [sample for sample in parts.test if sample.label != "normal"]
    found: dict[str, Figures] = {}
    for source in sorted({sample.source for sample in lesions}):
        chosen = evenly([sample for sample in lesions if sample.source == source])
        views: dict[str, list[Sample]] = {"as they are": chosen}
        views |= {f"height {shape} of the width": [cut(sample, shape) for sample in chosen] for shape in SHAPES}
        found[source] = {
            name: _figures(judge(predict(trained, recipe, shaped), calibration))
            | {"lesion_cut": _cut_off(shaped, chosen)}
            for name, shaped in views.items()
        }
    return found


def evenly(samples: list[Sample]) -> list[Sample]:
    """At most `MOST` of the samples, spread over all."""
    places = np.linspace(0, len(samples) - 1, min(MOST, len(samples))).round().astype(int)
    return [samples[place] for place in places]


def cut(sample: Sample, shape: float) -> Window:
    """The largest part of a picture that is `shape` times as high as wide, the lesion as near its middle as can be."""
    height, width = sample.pixels().shape
    lesion = box_of(sample.mask(height, width)) or Box(0, 0, height, width)
    kept_height, kept_width = min(height, round(width * shape)), min(width, round(height / shape))
    top = min(max(0, (lesion.top + lesion.bottom - kept_height) // 2), height - kept_height)
    left = min(max(0, (lesion.left + lesion.right - kept_width) // 2), width - kept_width)
    return view(sample, Box(top, left, top + kept_height, left + kept_width), f"shape{shape}")


def _cut_off(views: list[Sample], whole: list[Sample]) -> Figure:
    """Share of the views that hold less of the lesion than the whole picture does."""
    areas = np.asarray([[one.mask(*one.pixels().shape).sum() for one in samples] for samples in (views, whole)])
    groups = np.asarray([sample.group for sample in whole])
    return with_interval(lambda rows: float((areas[0] < areas[1])[rows].mean()), groups)


def _figures(judged: Judged) -> dict[str, Figure]:
    is_normal = judged.scores.argmax(axis=1) == NORMAL
    is_bare = ~judged.is_outlined | judged.is_cleared
    return {
        "held_for_normal": with_interval(lambda rows: float(is_normal[rows].mean()), judged.groups),
        "without_outline": with_interval(lambda rows: float(is_bare[rows].mean()), judged.groups),
    }


if __name__ == "__main__":
    main()
