"""Trains the layout network with each hospital left out, measures it there, and exports the one that is served.

    python -m training.questions.layout --data DATA

Limits are chosen on hospitals unseen: `FALSE_SHARE` of their plain images are taken for each kind. The served network
learns from all hospitals, without the
fold that the pages report. Writes `models/layout.onnx`, `models/layout.json` and `training/results/layout.json`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from imaging.files.finding import found
from imaging.picture import Picture
from imaging.preprocess import Grey, fitted, resize
from training import datasets
from training.datasets.sample import Sample
from training.figures.evaluate import CREDITS
from training.fitting import layout
from training.networks.layout_net import LayoutNet
from training.preparation import transformed
from training.preparation.arranged import KINDS, SIDE
from training.preparation.provenance import commit
from training.preparation.transformed import Transformation

HOSPITALS = ("busi", "busbra", "breast")
REPORTED_FOLD = 0
DRAWS = 40_000
LONGEST_PX = 336  # as large as examples are drawn from; the network sees them smaller
FALSE_SHARE, FALSE_SHARE_OF_CHANGED = 0.005, 0.01
CHANGED_COUNT = 250
CLEAR = ("inverted",)
MILD: dict[str, Transformation] = {
    "JPEG of quality 30": transformed.as_jpeg(30), "blurred": transformed.blurred, "gamma 0.6": transformed.bent(0.6),
    "gamma 1.6": transformed.bent(1.6), "turned by 10 degrees": transformed.turned(10),
    "half the size": transformed.squeezed(0.5, 0.5),
}  # fmt: skip
Logits = dict[str, NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.layout", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--runs", type=Path, default=Path("runs/layout"))
    parser.add_argument("--results", type=Path, default=Path("training/results/layout.json"))
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--leave-out", nargs="*", default=list(HOSPITALS), help="hospitals to leave out, one by one")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)  # before OpenCV makes threads: those who draw examples are forked, and would wait for them
    samples = {hospital: datasets.read([hospital], arguments.data) for hospital in HOSPITALS}
    measured = {
        hospital: _left_out(hospital, samples, arguments.runs, arguments.draws) for hospital in arguments.leave_out
    }
    limits = limits_of(list(measured.values()))
    kept = [[sample for sample in samples[name] if not _is_reported(sample)] for name in HOSPITALS]
    network = _trained(arguments.runs / "served.pt", [_prepared(part) for part in kept], arguments.draws)
    described = export(network, limits, arguments.models)
    arguments.results.write_text(json.dumps({
        "commit": commit(), "command": "python -m training.questions.layout", "draws": arguments.draws,
        "limits": limits, "sha256": described["network"]["sha256"],
        "unseen": {hospital: shares(logits, limits) for hospital, logits in measured.items()},
    }, indent=1) + "\n", encoding="utf-8")  # fmt: skip
    print(f"written: {arguments.results}, {arguments.models}")


def _is_reported(sample: Sample) -> bool:
    return sample.source in ("busi", "busbra") and sample.fold == REPORTED_FOLD


def _prepared(samples: list[Sample]) -> list[Grey]:
    """Without margins, as serving cuts them, and small enough to draw from quickly."""
    pictures = [found(Picture(sample.pixels(), "png")).pixels for sample in samples]
    return [resize(pixels, *fitted(pixels.shape[0], pixels.shape[1], LONGEST_PX)) for pixels in pictures]


def _left_out(hospital: str, samples: dict[str, list[Sample]], runs: Path, draws: int) -> Logits:
    kept = runs / f"without-{hospital}.npz"
    if kept.is_file():
        with np.load(kept) as stored:
            return {name: stored[name] for name in stored.files}
    others = [_prepared(samples[name]) for name in HOSPITALS if name != hospital]
    network = _trained(runs / f"without-{hospital}.pt", others, draws)
    answered = measure(network, [found(Picture(sample.pixels(), "png")).pixels for sample in samples[hospital]])
    np.savez(kept, **answered)  # type: ignore[arg-type]
    return answered


def _trained(path: Path, hospitals: list[list[Grey]], draws: int) -> LayoutNet:
    network = LayoutNet().eval()
    if path.is_file():
        network.load_state_dict(torch.load(path, weights_only=True))
        return network
    path.parent.mkdir(parents=True, exist_ok=True)
    network = layout.train(hospitals, draws)
    torch.save(network.state_dict(), path)
    return network


def measure(network: LayoutNet, plain: list[Grey]) -> Logits:
    """Logits `N x 3` of plain images, and of some of them after each change."""
    random = np.random.default_rng(1)

    def other() -> Grey:
        return plain[int(random.integers(len(plain)))]

    arranged: dict[str, Transformation] = {
        "inverted": transformed.negative,
        "above, no gap": lambda pixels, chance: transformed.above(other(), 0)(pixels, chance),
        "above, a gap": lambda pixels, chance: transformed.above(other(), 8)(pixels, chance),
        "beside, no gap": lambda pixels, chance: transformed.beside(other(), 0)(pixels, chance),
        "four, no gap": lambda pixels, chance: transformed.four([other(), other(), other()], 0)(pixels, chance),
        "photo of a screen": transformed.on_a_screen,
        "squeezed to half its width": transformed.squeezed(1, 0.5),
    }
    chosen = [plain[index] for index in random.permutation(len(plain))[:CHANGED_COUNT]]
    changed = {
        name: layout.logits(network, [found(Picture(change(pixels, random), "png")).pixels for pixels in chosen])
        for name, change in {**MILD, **arranged}.items()
    }
    return {"as they are": layout.logits(network, plain), **changed}


def limits_of(measured: list[Logits]) -> dict[str, float]:
    """For each kind the logit above which `FALSE_SHARE` of the plain images of all unseen hospitals lie.

    What is told so clearly that it costs nothing to be strict (`CLEAR`) is judged by the worst mild change of the worst
    hospital: `FALSE_SHARE_OF_CHANGED` of those lie above.
    """
    found_limits = {}
    for index, kind in enumerate(KINDS):
        plain = np.concatenate([logits["as they are"][:, index] for logits in measured])
        highest = float(np.quantile(plain, 1 - FALSE_SHARE))
        if kind in CLEAR:
            mild = [logits[name][:, index] for logits in measured for name in MILD]
            highest = max(highest, *(float(np.quantile(values, 1 - FALSE_SHARE_OF_CHANGED)) for values in mild))
        found_limits[kind] = math.ceil(1000 * highest) / 1000
    return found_limits


def shares(logits: Logits, limits: dict[str, float]) -> dict[str, dict[str, float]]:
    """For each change, the share of the images that is taken for each kind."""
    return {
        name: {
            "images": len(values),
            **{kind: round(float((values[:, index] > limits[kind]).mean()), 4) for index, kind in enumerate(KINDS)},
        }
        for name, values in logits.items()
    }


def export(network: LayoutNet, limits: dict[str, float], folder: Path) -> dict[str, Any]:
    """Write the network as ONNX and its description; returns the description."""
    path = folder / "layout.onnx"
    example = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.uint8)
    torch.onnx.export(
        network, (example,), str(path), input_names=["picture"], output_names=["logits"],
        dynamic_axes={"picture": {0: "batch"}, "logits": {0: "batch"}}, opset_version=18, dynamo=False,
    )  # fmt: skip
    described = {
        "network": {
            "name": "layout", "version": "1.0.0", "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "input_size": SIDE,
        },
        "limits": limits,
        "training_data": [CREDITS[hospital] for hospital in HOSPITALS],
        "command": "python -m training.questions.layout",
    }  # fmt: skip
    (folder / "layout.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return described


if __name__ == "__main__":
    main()
