"""Which real pictures the rules of the gate turn away. The same for every recipe.

    python -m training.questions.declined --data DATA

Writes `training/results/declined.json`: for each hospital the number of its pictures, and the names of those declined.
What the layout network takes real pictures for has to be asked of hospitals that it has not seen: `layout` does.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from tqdm import tqdm

from imaging.errors import UnusablePicture
from imaging.files import finding
from imaging.gate.quality import check
from imaging.picture import Picture
from training import datasets
from training.datasets.sample import Sample

HOSPITALS = ("busi", "busbra", "breast")
RESULTS = Path("training/results/declined.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.declined", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    found = {hospital: of(datasets.read([hospital], arguments.data)) for hospital in HOSPITALS}
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for hospital, counted in found.items():
        print(f"{hospital}: {len(counted['declined'])} of {counted['pictures']} declined")


def of(samples: list[Sample]) -> dict[str, Any]:
    """How many pictures there are, and the identifier and objection of each that is declined."""
    objections = {sample.identifier: objection(sample) for sample in tqdm(samples, mininterval=20)}
    return {
        "pictures": len(samples),
        "declined": {name: code for name, code in objections.items() if code is not None},
    }


def objection(sample: Sample) -> str | None:
    """The code of the gate's objection to a picture, as the web product asks its rules; None where it passes."""
    try:
        check(finding.found(Picture(sample.pixels(), "png")))
    except UnusablePicture as found:
        return found.code
    return None


if __name__ == "__main__":
    main()
