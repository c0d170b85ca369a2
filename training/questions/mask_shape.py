"""How much of the diagnosis stands in the contour alone: `python -m training.questions.mask_shape --data DATA`.

Solidity is the area of the mask's largest part over that of its convex hull: 1 for an oval, less the more notched.
It uses no pixel of the picture, so what it tells about benign and malignant is how the contour was drawn.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.statistics.intervals import Figure, with_interval
from training import datasets
from training.datasets.sample import Sample
from training.figures.metrics import area_under_curve

RESULTS = Path("training/results/mask_shape.json")
SETS = ("busi", "busbra")
FOLD = 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.mask_shape", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    arguments = parser.parse_args()
    samples = [sample for sample in datasets.read(list(SETS), arguments.data) if sample.fold == FOLD]
    found = {source: measured([sample for sample in samples if sample.source == source]) for source in SETS}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))


def measured(samples: list[Sample]) -> Figure:
    """AUC of malignant against benign when less solid contours count as more malignant; groups are drawn whole."""
    known = [sample for sample in samples if sample.masks]
    solidities = np.asarray([solidity(_mask(sample)) for sample in known])
    is_malignant = np.asarray([sample.label == "malignant" for sample in known])
    groups = np.asarray([sample.group for sample in known])
    return with_interval(lambda rows: area_under_curve(is_malignant[rows], -solidities[rows]), groups)


def solidity(mask: NDArray[np.bool_]) -> float:
    """Area over convex area of the largest part of bool `H x W`, in 0..1; 1 where nothing is outlined."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return 1.0
    largest = max(contours, key=cv2.contourArea)
    convex = cv2.contourArea(cv2.convexHull(largest))
    return float(cv2.contourArea(largest) / convex) if convex > 0 else 1.0


def _mask(sample: Sample) -> NDArray[np.bool_]:
    return sample.mask(*sample.pixels().shape)


if __name__ == "__main__":
    main()
