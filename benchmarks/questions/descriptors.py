"""How well does each measured number alone separate benign from malignant, on the masks that doctors drew?

    python -m benchmarks.questions.descriptors DATA

DATA holds busi/ and busbra/. Prints the area under the ROC curve of each number and how often each term is given.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.measures.echo import echo_of
from imaging.measures.measure import Lesion, measure
from imaging.measures.shape import shape_of
from imaging.postprocess import box_of, largest_part

LABELS = ("benign", "malignant")


def main() -> None:
    """Measure every lesion and print one line a number and one a term."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    for name in ("busi", "busbra"):
        found: dict[str, dict[str, list[float]]] = {}
        terms: dict[str, Counter[str]] = {label: Counter() for label in LABELS}
        for label, values, lesion in lesions(arguments.data / name):
            terms[label].update(f"{descriptor.name}: {descriptor.term}" for descriptor in lesion.descriptors)
            for number, value in values.items():
                found.setdefault(number, {label: [] for label in LABELS})[label].append(value)
        report(name, found, terms)


def report(name: str, found: dict[str, dict[str, list[float]]], terms: dict[str, Counter[str]]) -> None:
    totals = {label: len(found["solidity"][label]) for label in LABELS}
    print(json.dumps({"set": name, "lesions": totals}))
    for number, values in found.items():
        area = roc_area(np.array(values["malignant"]), np.array(values["benign"]))
        print(json.dumps({"number": number, "auc": round(max(area, 1 - area), 3)}))
    for term in sorted(set().union(*terms.values())):
        print(json.dumps({"term": term, **{label: round(terms[label][term] / totals[label], 3) for label in LABELS}}))


def lesions(folder: Path) -> Iterator[tuple[str, dict[str, float], Lesion]]:
    """Label, numbers and measurements of every lesion whose label is not in doubt."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in LABELS and row.get("conflict") != "1"]
    for row in rows:
        pixels = grey(folder / "images" / f"{row['id']}.webp")
        mask = largest_part(grey(folder / "masks" / f"{row['id']}.png") > 0)
        lesion, box = measure(pixels, mask, None), box_of(mask)
        if lesion is not None and box is not None:
            echo = vars(echo_of(pixels, mask, mask, box))
            values = {name: float("nan") if value is None else value for name, value in echo.items()}
            yield row["label"], vars(shape_of(mask)) | values, lesion


def grey(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def roc_area(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Area under the ROC curve: the share of pairs in which the positive one is higher (Mann-Whitney)."""
    positive, negative = positive[~np.isnan(positive)], np.sort(negative[~np.isnan(negative)])
    below = np.searchsorted(negative, positive, side="left") + np.searchsorted(negative, positive, side="right")
    return float(below.sum() / (2.0 * positive.size * negative.size))


if __name__ == "__main__":
    main()
