"""`python -m benchmarks.questions.triage_outcomes DATA`: the answers on pictures that nothing was trained on.

Reads BUSI (compact layout, `DATA/busi`) through the shipped networks and rules, and prints for each true class how many
pictures end in which answer. The fold is 0: the shipped networks were neither trained nor tuned on it.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from app import categories
from app.inference.pipeline import Engine
from app.reading import triage
from imaging.errors import UnusablePicture
from imaging.files.finding import found
from imaging.gate import quality
from imaging.picture import Picture

LABELS = ("benign", "malignant", "normal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fold", default="0")
    parser.add_argument("--models", type=Path, default=Path("models"))
    arguments = parser.parse_args()
    engine = Engine(arguments.models, "cpu")
    counts: Counter[tuple[str, str]] = Counter()
    with (arguments.data / "busi" / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["fold"] == arguments.fold]
    for row in rows:
        with Image.open(arguments.data / "busi" / "images" / f"{row['id']}.webp") as image:
            picture = found(Picture(np.asarray(image.convert("L")), "webp"))
        counts[row["label"], _answer(engine, picture)] += 1
    print("| true class | " + " | ".join(categories.CATEGORIES) + " |")
    print("| --- |" + " --- |" * len(categories.CATEGORIES))
    for label in LABELS:
        print(f"| {label} | " + " | ".join(str(counts[label, category]) for category in categories.CATEGORIES) + " |")


def _answer(engine: Engine, picture: Picture) -> str:
    try:
        quality.check(picture)
    except UnusablePicture:
        return categories.DECLINED
    if engine.objection(picture):
        return categories.DECLINED
    return triage.decide(engine.read([picture])[0], engine.manifest.malignant_threshold).category


if __name__ == "__main__":
    main()
