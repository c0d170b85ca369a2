"""What do margins, inversion, exports and phones do to the answer? Cancers that nothing was trained on, changed.

    python -m training.questions.transformations --data DATA

Each image of the reported fold goes through decoder's cut, gate and exported networks as it is and after each change.
What counts is how many cancers end in words that reassure, and how many images are declined. Writes
`training/results/transformations.json` and, with the kept results of the others, the page on declining.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from imaging.preprocess import Grey
from training import datasets
from training.datasets.sample import Sample
from training.figures import answers
from training.figures.served import PASSED, Networks, Reading
from training.preparation import transformed
from training.preparation.provenance import commit
from training.preparation.splits import split
from training.preparation.transformed import Transformation
from training.questions import drift_page
from training.questions.drift import told

SOURCES = ("busi", "busbra")
AS_THEY_ARE = "as they are"
RESULTS = Path("training/results/transformations.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.transformations", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--fold", type=int, default=0, help="the fold that the exported networks have never seen")
    parser.add_argument("--cancers", type=int, default=0, help="at most so many of each data set; 0 takes all")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=Path("docs/explanation/when-it-declines.md"))
    arguments = parser.parse_args()
    networks = Networks(arguments.models)
    found: dict[str, Any] = {
        "commit": commit(), "version": networks.version, "fold": arguments.fold,
        "command": "python -m training.questions.transformations",
    }  # fmt: skip
    for source in SOURCES:
        test = split(datasets.read([source], arguments.data), arguments.fold).test
        found[source] = measured(networks, test, arguments.cancers)
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    arguments.page.write_text(drift_page.kept(arguments.results.parent), encoding="utf-8")
    print(f"written: {arguments.results}, {arguments.page}")


def measured(networks: Networks, test: list[Sample], most: int = 0) -> dict[str, Any]:
    """For each change: cancers, those reassured, those declined, and what declined them."""
    cancers = [sample.pixels() for sample in test if sample.label == "malignant"][: most or None]
    benign = [sample.pixels() for sample in test if sample.label == "benign"]
    random = np.random.default_rng(0)
    found = {}
    for name, change in tqdm(changes(benign, random).items(), desc="changes", mininterval=20):
        readings = [networks.read(change(pixels, random)) for pixels in cancers]
        found[name] = counted(readings)
    return found


def counted(readings: list[Reading]) -> dict[str, Any]:
    """Counts over readings of cancers; the declined ones get no words that could reassure."""
    through = [reading for reading in readings if reading.gate == PASSED]
    words = told(through)
    codes = [reading.gate for reading in readings if reading.gate != PASSED]
    return {
        "cancers": len(readings),
        "reassured": sum(word in (answers.ROUTINE, answers.CLEAR) for word in words),
        "unsure": sum(word == answers.UNSURE for word in words),
        "declined": len(codes),
        "codes": {code: codes.count(code) for code in sorted(set(codes))},
    }


def changes(benign: list[Grey], random: np.random.Generator) -> dict[str, Transformation]:
    """Every change by its name; where others stand beside an image, they are benign ones."""

    def other() -> Grey:
        return benign[int(random.integers(len(benign)))]

    made: dict[str, Transformation] = {AS_THEY_ARE: lambda pixels, _random: pixels}
    for shade, name in ((255, "white"), (128, "grey"), (0, "black")):
        for share in (0.03, 0.06, 0.12):
            made[f"{name} margin of {share:.0%}"] = transformed.with_margin(share, shade)
    made |= {
        "inverted greys": transformed.negative,
        "a benign image above, no gap": lambda pixels, chance: transformed.above(other(), 0)(pixels, chance),
        "a benign image above, black gap": lambda pixels, chance: transformed.above(other(), 8)(pixels, chance),
        "a benign image above, white gap": lambda pixels, chance: transformed.above(other(), 8, 255)(pixels, chance),
        "a benign image beside, no gap": lambda pixels, chance: transformed.beside(other(), 0)(pixels, chance),
        "three benign images around, no gap": lambda pixels, chance: transformed.four([other(), other(), other()], 0)(
            pixels, chance
        ),
        "squeezed to half its width": transformed.squeezed(1, 0.5),
        "squeezed to half its height": transformed.squeezed(0.5, 1),
        "gamma 0.6": transformed.bent(0.6),
        "gamma 1.6": transformed.bent(1.6),
        "JPEG of quality 30": transformed.as_jpeg(30),
        "blurred by 1.5 px": transformed.blurred,
        "turned by 10 degrees": transformed.turned(10),
        "mirrored": transformed.mirrored,
        "half the size": transformed.squeezed(0.5, 0.5),
        "simulated photo of a screen": transformed.on_a_screen,
    }
    return made


if __name__ == "__main__":
    main()
