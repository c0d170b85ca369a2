"""How far one gets on BUSI without knowing anything of tumours: the answer of the most similar training picture.

    python -m training.questions.nearest_picture --data DATA

Shrinks every picture to a thumbnail and gives it the label of the most similar one, mirrored or not, among the other
four folds: once with folds that keep near copies together, once with folds dealt picture by picture. What the second
gains over the first is what near copies are worth to any system that can recognise a picture. Takes seconds.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import resize
from imaging.statistics.intervals import with_interval
from training.datasets import busi
from training.datasets.sample import LABELS, Sample
from training.preparation.splits import dealt_at_random

SIDE = 64  # px


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.nearest_picture", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--results", type=Path, default=Path("training/results/nearest_picture.json"))
    arguments = parser.parse_args()
    found = compared(busi.read(arguments.data / "busi"))
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


def compared(samples: list[Sample]) -> dict[str, Any]:
    """Accuracy and balanced accuracy of the nearest picture's label, over all folds, for both ways of splitting."""
    likeness = similarity(np.stack([thumbnail(sample) for sample in samples]))
    labels = np.asarray([sample.class_index for sample in samples])
    groups = np.asarray([sample.group for sample in samples])
    return {
        name: _figures(
            answer(likeness, labels, np.asarray([sample.fold for sample in dealt])) == labels, labels, groups
        )
        for name, dealt in (("grouped", samples), ("random", dealt_at_random(samples)))
    }


def thumbnail(sample: Sample) -> NDArray[np.float32]:
    """float32 `64 x 64`, mean 0 and length 1."""
    small = resize(sample.pixels(), SIDE, SIDE).astype(np.float32)
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-6), dtype=np.float32)


def similarity(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Normalised correlation of every pair, `N x N`, the better of plain and mirrored."""
    flat = thumbnails.reshape(len(thumbnails), -1)
    mirrored = thumbnails[:, :, ::-1].reshape(len(thumbnails), -1)
    return np.asarray(np.maximum(flat @ flat.T, flat @ mirrored.T), dtype=np.float32)


def answer(likeness: NDArray[np.float32], labels: NDArray[np.int64], folds: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each picture the label of the most similar one that is in another fold."""
    allowed = np.where(folds[:, None] == folds[None, :], -np.inf, likeness)
    return np.asarray(labels[allowed.argmax(axis=1)])


def _figures(
    is_right: NDArray[np.bool_], labels: NDArray[np.int64], groups: NDArray[np.str_]
) -> dict[str, dict[str, float]]:
    def balanced(rows: NDArray[np.int64]) -> float:
        return float(np.mean([is_right[rows][labels[rows] == index].mean() for index in range(len(LABELS))]))

    _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    copied = sizes[members] > 1
    found = {
        "accuracy": with_interval(lambda rows: float(is_right[rows].mean()), groups),
        "balanced_accuracy": with_interval(balanced, groups),
    }
    if copied.any():
        own = is_right[copied]
        found["accuracy_where_a_near_copy_exists"] = with_interval(lambda rows: float(own[rows].mean()), groups[copied])
    return found


if __name__ == "__main__":
    main()
