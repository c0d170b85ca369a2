"""Can strangers be told by what the network sees of them? Each organ is refused by a score that has never met it.

    python -m training.questions.refusing --data DATA

The embedding is that of a U-Net that has seen neither the Polish hospital nor any stranger
(`unet-lite0-without-breast`). Two scores are asked: the shipped out-of-distribution score, which knows breasts alone,
and a linear one that was shown breasts and the strangers of all organs but the one that is asked about, as far
as their licences let anybody learn from them. The limit is the one that refuses one in a hundred of each hospital's
tuning pictures. What it then refuses of a hospital that nobody has seen, and how many cancers among that, stands
beside. Writes `training/results/refusing.json`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imaging.preprocess import Grey, fit
from imaging.statistics.intervals import Figure, with_interval
from training import datasets
from training.datasets import other_organs
from training.datasets.other_organs import LINEAR
from training.figures.evaluate import kept_predictions
from training.fitting import pipeline, segmentation
from training.fitting.calibrate import COMPONENTS, MALIGNANT, OUT_OF_DISTRIBUTION_PASS, fit_out_of_distribution
from training.fitting.predict import Predictions
from training.networks.lite_unet import LiteUNet
from training.preparation import recipe as recipes
from training.preparation import transfer
from training.questions import strangers

RECIPE = "unet-lite0-without-breast"
RESULTS = Path("training/results/refusing.json")
PHOTOS = "photos"
ORGANS = ("fetal head", "pelvis", "lung")  # over which the figure that counts is a mean
LINEAR_STRENGTH = 0.01

Embeddings = NDArray[np.float32]
Score = Callable[[Embeddings], NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.refusing", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    recipe = recipes.read(RECIPE)
    samples = datasets.read(transfer.sources_of(recipe), arguments.data)
    parts, folder = transfer.parts_of(recipe, samples, 0), arguments.runs / RECIPE / "fold0"
    trained = pipeline.train(recipe, parts, folder, folder)
    assert isinstance(trained.unet, LiteUNet)
    met = Strangers(trained.unet, trained.segmentation_size, arguments.data)
    train, tune, unseen = (
        kept_predictions(getattr(parts, name), folder / f"predictions-{name}.npz") for name in ("train", "tune", "test")
    )
    found = answered(train, tune, unseen, met.embeddings, met.learned_from) | {
        "command": "python -m training.questions.refusing"
    }
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


class Strangers:
    """What a U-Net sees of pictures that show no breast: embeddings by kind, and those that may be learned from."""

    def __init__(self, unet: LiteUNet, size: int, data: Path) -> None:
        pictures: dict[str, list[Grey]] = {PHOTOS: strangers.draw("crops of two photos, in grey", 60)}
        allowed: dict[str, list[bool]] = {PHOTOS: [True] * 60}
        for stranger in other_organs.read(data / "strangers"):
            pictures.setdefault(stranger.organ, []).append(stranger.pixels())
            is_hard = stranger.organ == LINEAR  # asked about and never learned from: there are too few to do both
            allowed.setdefault(stranger.organ, []).append(stranger.may_be_learned_from and not is_hard)
        self.embeddings = {
            kind: segmentation.embeddings(unet, [fit(pixels, size)[0] for pixels in group])
            for kind, group in pictures.items()
        }
        self.learned_from = {kind: np.asarray(kept, dtype=np.bool_) for kind, kept in allowed.items()}


def answered(
    train: Predictions,
    tune: Predictions,
    unseen: Predictions,
    met: dict[str, Embeddings],
    learned_from: dict[str, NDArray[np.bool_]],
) -> dict[str, Any]:
    """What both scores refuse of every kind of strangers, and of the hospital that was left out."""
    shipped = fit_out_of_distribution(train.embeddings).score
    found: dict[str, Any] = {"pictures": {kind: len(rows) for kind, rows in met.items()}}
    for name in ("novelty", "linear"):
        kinds: dict[str, Any] = {}
        for kind, asked in met.items():
            others = [rows[learned_from[other]] for other, rows in met.items() if not _is_same_organ(kind, other)]
            score = shipped if name == "novelty" else linear(train.embeddings, np.concatenate(others))
            kinds[kind] = _refused(score, limit(score, tune), asked, unseen)
        refused = [kinds[organ]["strangers"] for organ in ORGANS if organ in kinds]
        found[name] = kinds | {"mean over organs": _mean(refused)}
    return found


def _is_same_organ(one: str, other: str) -> bool:
    """Lungs are lungs, whatever the probe."""
    return one.split(",")[0] == other.split(",")[0]


def linear(breasts: Embeddings, others: Embeddings) -> Score:
    """A score that grows with what tells strangers from breasts: logistic regression on principal components."""
    model = make_pipeline(
        StandardScaler(),
        PCA(min(COMPONENTS, *others.shape), random_state=0),
        LogisticRegression(C=LINEAR_STRENGTH, class_weight="balanced", max_iter=2000),
    )
    model.fit(np.concatenate([breasts, others]), np.repeat([0, 1], [len(breasts), len(others)]))
    return lambda embeddings: np.asarray(model.decision_function(embeddings), dtype=np.float64)


def limit(score: Score, tune: Predictions) -> float:
    """The lowest limit that refuses at most one in a hundred of every hospital's tuning pictures."""
    scores, sources = score(tune.embeddings), np.asarray([sample.source for sample in tune.samples])
    return max(float(np.quantile(scores[sources == source], OUT_OF_DISTRIBUTION_PASS)) for source in np.unique(sources))


def _refused(score: Score, highest: float, asked: Embeddings, unseen: Predictions) -> dict[str, Any]:
    is_refused = score(unseen.embeddings) > highest
    is_cancer = unseen.labels == MALIGNANT
    return {
        "strangers": _share(score(asked) > highest),
        "breasts of an unseen hospital": _share(is_refused),
        "cancers of an unseen hospital": _share(is_refused[is_cancer]),
    }


def _share(marked: NDArray[np.bool_]) -> Figure:
    """A share with its interval, each picture on its own."""
    return with_interval(lambda rows: float(marked[rows].mean()), np.arange(len(marked)).astype(np.str_))


def _mean(figures: list[Figure]) -> Figure:
    """The mean of independent figures, its half widths added as errors are."""
    value = float(np.mean([figure["value"] for figure in figures]))
    below, above = (
        float(np.sqrt(np.sum([(figure[side] - figure["value"]) ** 2 for figure in figures]))) / len(figures)
        for side in ("low", "high")
    )
    return {"value": value, "low": max(0.0, value - below), "high": min(1.0, value + above)}


if __name__ == "__main__":
    main()
