"""`python -m training train|evaluate|export`: see `docs/how-to/train.md`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import fit
from training import datasets
from training.datasets.sample import Sample
from training.exporting import export, model_card, whole_graph
from training.figures import evaluate
from training.fitting import classification, pipeline, segmentation
from training.fitting.pipeline import Trained
from training.preparation import recipe as recipes
from training.preparation import transfer
from training.preparation.recipe import Recipe
from training.preparation.staging import staged

Pixels = NDArray[np.uint8]
MODELS = Path("models")


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    recipe = recipes.read(arguments.recipe, arguments.quick)
    objection = export.unserved(recipe) if arguments.command == "export" else None
    if objection:
        parser.error(objection)
    target = arguments.models or (_run_folder(arguments, recipe["name"]) / "models" if arguments.quick else MODELS)
    samples = transfer.known(recipe, datasets.read(transfer.sources_of(recipe), arguments.data))
    parts = transfer.parts_of(recipe, _limited(samples, recipe.get("limit")), arguments.fold)
    folder = _run_folder(arguments, recipe["name"])
    trained = pipeline.train(recipe, parts, folder, _run_folder(arguments, str(recipe.get("unet_of", recipe["name"]))))
    if arguments.command == "train":
        return
    found = evaluate.evaluate(trained, recipe, parts, arguments.fold, folder)
    _show(found.metrics)
    if arguments.command == "export":
        version = arguments.version or export.next_version(target)
        facts = evaluate.facts(found, recipe, parts, arguments.fold, version)
        golden = _golden(recipe, trained, parts.tune[:8])
        with staged(target) as models:
            exported = export.export_networks(
                trained, found.calibration.out_of_distribution, golden, models, leeway=100 if arguments.quick else 1
            )
            manifest = export.write_manifest(exported, trained, recipe, found.calibration, facts, models)
            whole_graph.build(models)
            model_card.write(manifest, models)


def _run_folder(arguments: argparse.Namespace, name: str) -> Path:
    suffix = "-quick" if arguments.quick else ""
    return Path(arguments.runs) / f"{name}{suffix}" / f"fold{arguments.fold}"


def _golden(recipe: Recipe, trained: Trained, samples: list[Sample]) -> tuple[Pixels, Pixels]:
    """Inputs of both networks for a few real pictures, on which ONNX must equal PyTorch."""
    pixels = [sample.pixels() for sample in samples]
    maps = segmentation.probabilities(trained.unet, pixels, trained.segmentation_size)
    size, part = trained.classification_size, recipe["classification"]
    pictures = np.stack([fit(picture, trained.segmentation_size)[0] for picture in pixels])[:, None]
    segmented = [
        classification.classifier_input(picture, drawn, part, recipe["mask"], size)
        for picture, drawn in zip(pixels, maps, strict=True)
    ]
    return pictures, np.stack(segmented)


def _show(metrics: dict[str, dict[str, dict[str, float]]]) -> None:
    for name, figures in metrics.items():
        print(f"\n{name}")
        for key, figure in figures.items():
            print(f"  {key:32s} {figure['value']:.3f}  ({figure['low']:.3f} to {figure['high']:.3f})")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("command", choices=["train", "evaluate", "export"])
    parser.add_argument("--recipe", default="unet-efficientnetb3")
    parser.add_argument("--fold", type=int, default=0, help="the fold that is reported, never trained or tuned on")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="checkpoints, predictions and curves")
    parser.add_argument(
        "--models", type=Path, help="where export writes: models/, or models/ in the run's own folder with --quick"
    )
    parser.add_argument("--version", help="version that export writes into the manifest; else the next minor one")
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
