"""`python -m training train|evaluate|export`: see `docs/how-to/train.md`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from training import datasets, pipeline
from training import recipe as recipes
from training.datasets.sample import Sample
from training.splits import split


def main() -> None:
    arguments = _parser().parse_args()
    recipe = recipes.read(arguments.recipe, arguments.quick)
    samples = _limited(datasets.read(recipe["sources"], arguments.data), recipe.get("limit"))
    parts = split(samples, arguments.fold)
    name = f"{recipe['name']}-quick" if arguments.quick else recipe["name"]
    folder = arguments.runs / name / f"fold{arguments.fold}"
    pipeline.train(recipe, parts, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("command", choices=["train"])
    parser.add_argument("--recipe", default="unet-efficientnetb3")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--quick", action="store_true", help="tiny networks and few pictures: proves that all runs")
    return parser


def _limited(samples: list[Sample], limit: int | None) -> list[Sample]:
    if limit is None:
        return samples
    kept: dict[tuple[str, str, int], list[Sample]] = {}
    for sample in samples:
        kept.setdefault((sample.source, sample.label, sample.fold), []).append(sample)
    return [sample for stratum in kept.values() for sample in stratum[:limit]]


if __name__ == "__main__":
    main()
