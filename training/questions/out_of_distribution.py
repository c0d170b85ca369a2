"""Would another score on the same embedding tell strangers better? Compared at the same cost in real pictures.

    python -m training.questions.out_of_distribution --data DATA

Each score is fitted to the training part's embeddings of an evaluated run, its limit lets 99 % of the tuning part pass,
and then it is asked about the test part and about strangers. To each part belong the lesion-free squares of its
pictures. Writes `training/results/out_of_distribution.json`: how many pictures each group has, and the share of it
that each score refuses.
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
from tqdm import tqdm

from training import datasets
from training.datasets.sample import Sample
from training.figures.evaluate import kept_predictions
from training.figures.served import Networks
from training.fitting.calibrate import COMPONENTS, OUT_OF_DISTRIBUTION_PASS, fit_out_of_distribution
from training.fitting.predict import Predictions
from training.preparation.normals import lesion_free_samples
from training.preparation.splits import split
from training.questions import strangers

Embeddings = NDArray[np.float32]
Score = Callable[[Embeddings], NDArray[np.float64]]

NEIGHBOURS = 10
REAL = ("real test pictures", "their lesion-free squares")  # the groups that are no strangers
RESULTS = Path("training/results/out_of_distribution.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.out_of_distribution", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--models", type=Path, default=Path("models"), help="the exported networks of the run")
    parser.add_argument("--run", type=Path, default=Path("runs/unet-efficientnetb3/fold0"), help="an evaluated run")
    parser.add_argument("--count", type=int, default=50, help="strangers of each kind")
    arguments = parser.parse_args()
    parts = split(datasets.read(["busi", "busbra"], arguments.data), int(arguments.run.name.removeprefix("fold")))
    train, tune, test = (_with_squares(getattr(parts, name), arguments.run, name) for name in ("train", "tune", "test"))
    groups = {
        **dict(zip(REAL, (part.embeddings for part in test), strict=True)),
        **_strangers(Networks(arguments.models), arguments.data, arguments.count),
    }
    fitted = scores(*(np.concatenate([getattr(part, name) for part in train]) for name in ("embeddings", "labels")))
    familiar = np.concatenate([part.embeddings for part in tune])
    found = {
        "pictures": {name: len(embeddings) for name, embeddings in groups.items()},
        "refused": {name: refused(score, familiar, groups) for name, score in fitted.items()},
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


def _with_squares(samples: list[Sample], run: Path, part: str) -> tuple[Predictions, Predictions]:
    """The kept predictions of a part of the split, and of its lesion-free squares."""
    beside = "predictions-lesion-free.npz" if part == "test" else f"predictions-{part}-lesion-free.npz"
    return (
        kept_predictions(samples, run / f"predictions-{part}.npz"),
        kept_predictions(lesion_free_samples(samples), run / beside),
    )


def _strangers(networks: Networks, data: Path, count: int) -> dict[str, Embeddings]:
    pictures = {name: strangers.draw(name, count) for name in strangers.DRAWN if name != "synthetic ultrasound"}
    if (data / "mias" / "index.csv").is_file():
        mammograms = datasets.read(["mias"], data)[:count]
        pictures["mammograms (mini-MIAS)"] = [sample.pixels() for sample in mammograms]
    return {
        name: np.stack([networks.embedding(pixels) for pixels in tqdm(group, desc=name, mininterval=20)])
        for name, group in pictures.items()
    }


def refused(score: Score, familiar: Embeddings, groups: dict[str, Embeddings]) -> dict[str, Any]:
    """Share of each group above the limit that lets 99 % of the familiar pictures pass."""
    limit = float(np.quantile(score(familiar), OUT_OF_DISTRIBUTION_PASS))
    return {name: float((score(embeddings) > limit).mean()) for name, embeddings in groups.items()}


def scores(train: Embeddings, labels: NDArray[np.int64]) -> dict[str, Score]:
    """The shipped score, its two halves, and three others from the literature, fitted to the training part."""
    shipped = fit_out_of_distribution(train)
    return {
        "shipped: both halves": shipped.score,
        "within the main directions": lambda x: np.square((x - shipped.mean) @ shipped.directions).mean(axis=1),
        "beside the main directions": lambda x: _beside(x - shipped.mean, shipped.components),
        "distance to the nearest class": _nearest_class(train, labels),
        "angle to the tenth neighbour": _neighbour(train),
        "length of the embedding": lambda x: -np.linalg.norm(x, axis=1).astype(np.float64),
    }


def _beside(centred: Embeddings, components: NDArray[np.float32]) -> NDArray[np.float64]:
    rest = centred - (centred @ components) @ components.T
    return np.square(rest).sum(axis=1).astype(np.float64)


def _nearest_class(train: Embeddings, labels: NDArray[np.int64]) -> Score:
    """Mahalanobis distance to the nearest class mean, one covariance for all (Lee et al. 2018)."""
    means = np.stack([train[labels == index].mean(axis=0) for index in np.unique(labels)])
    rest = train - means[np.searchsorted(np.unique(labels), labels)]
    _, spread, rows = np.linalg.svd(rest, full_matrices=False)
    whiten = rows[:COMPONENTS].T / (spread[:COMPONENTS] / np.sqrt(len(train)))

    def score(embeddings: Embeddings) -> NDArray[np.float64]:
        far = [np.square((embeddings - mean) @ whiten).mean(axis=1) for mean in means]
        return np.asarray(np.min(far, axis=0), dtype=np.float64)

    return score


def _neighbour(train: Embeddings) -> Score:
    """Cosine distance to the tenth nearest training picture (Sun et al. 2022)."""
    known = train / np.linalg.norm(train, axis=1, keepdims=True)

    def score(embeddings: Embeddings) -> NDArray[np.float64]:
        alike = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)) @ known.T
        return np.asarray(1 - np.partition(alike, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS], dtype=np.float64)

    return score


if __name__ == "__main__":
    main()
