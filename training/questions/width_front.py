"""How wide a U-Net is worth its time: `python -m training.questions.width_front` trains, measures and writes the page.

Every variant of `width_front.yaml` gets the same short training on the training folds and outlines the tuning fold.
Each is exported and timed in turns with the others on one core, at the size that is served. Resumable: what is trained
lies in `runs/width-front/`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import yaml
from monai.networks.nets.efficientnet import EfficientNet
from numpy.typing import NDArray
from torch import nn

from imaging.phantom import speckle
from imaging.postprocess import mask_of
from imaging.preprocess import fit
from imaging.statistics.agreement import dice
from imaging.statistics.intervals import Figure, with_interval
from training import datasets
from training.datasets.sample import Sample
from training.exporting.export import OPSET
from training.fitting import segmentation
from training.preparation import recipe as recipes
from training.preparation import transfer
from training.preparation.provenance import commit
from training.preparation.recipe import Recipe
from training.preparation.windows import with_squares

PLAN = Path(__file__).parent / "width_front.yaml"
REPEATS = 40


class Outline(nn.Module):
    """uint8 `B x 1 x S x S` picture in, uint8 lesion probability (times 255) out, as a network is served."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        logits, _ = self.network(picture.float() / 255)
        return torch.round(torch.sigmoid(logits) * 255).to(torch.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.width_front", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--results", type=Path, default=Path("training/results/width_front.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/explanation/u-net-width.md"))
    arguments = parser.parse_args()
    plan: dict[str, Any] = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    base = recipes.read(plan["base"])
    parts = transfer.parts_of(base, datasets.read(base["sources"], arguments.data), plan["fold"])
    lesions = [sample for sample in parts.tune if sample.label != "normal"]
    rows = measured(plan, base, with_squares(parts.train), lesions, arguments.runs / "width-front")
    found = {"commit": commit(), "plan": plan, "pictures": len(lesions), "rows": rows}
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    arguments.page.write_text(page(found), encoding="utf-8")
    print(f"{len(rows)} widths in {arguments.page}")


def measured(
    plan: dict[str, Any], base: Recipe, train: list[Sample], lesions: list[Sample], folder: Path
) -> list[dict[str, Any]]:
    """A row for each variant: parameters, milliseconds, Dice on `lesions` with its interval, the first one's gain.

    Args:
        base: the recipe whose segmentation part, mask rule and seed all share.
    """
    overlaps, sessions, rows = {}, {}, []
    served_size = int(base["segmentation"]["stages"][-1]["size"])
    for name, changes in plan["variants"].items():
        part = base["segmentation"] | plan["segmentation"] | changes
        place = folder / re.sub(r"\W+", "-", name.lower())
        network = segmentation.train(part, train, place, base["seed"])
        overlaps[name] = dice_of(network, lesions, int(part["stages"][-1]["size"]), base["mask"])
        sessions[name] = exported(network, served_size, place / "outline.onnx")
        rows.append({"name": name, "parameters": sum(each.numel() for each in network.parameters())})
    milliseconds = timed(sessions, served_size)
    groups = np.asarray([sample.group for sample in lesions])
    first = overlaps[rows[0]["name"]]
    for row in rows:
        own = overlaps[row["name"]]
        row |= {"milliseconds": milliseconds[row["name"]], "dice": mean_of(own, groups)}
        row["against_first"] = mean_of(own - first, groups)
    return rows


def dice_of(network: nn.Module, lesions: list[Sample], size: int, rule: dict[str, float]) -> NDArray[np.float64]:
    """Dice of each picture, float64 `N`."""
    pixels = [sample.pixels() for sample in lesions]
    maps = segmentation.probabilities(network, pixels, size)
    masks = [mask_of(drawn, rule["threshold"], rule["smallest_share"]) for drawn in maps]
    truths = [sample.mask(*picture.shape) for sample, picture in zip(lesions, pixels, strict=True)]
    return np.asarray([dice(mask, truth) for mask, truth in zip(masks, truths, strict=True)])


def mean_of(values: NDArray[np.float64], groups: NDArray[np.str_]) -> Figure:
    """The mean with its interval over groups."""
    return with_interval(lambda rows: float(values[rows].mean()), groups)


def exported(network: nn.Module, size: int, path: Path) -> onnxruntime.InferenceSession:
    """The network in onnxruntime with one thread, for `size` x `size` px."""
    for module in network.modules():
        if isinstance(module, EfficientNet):
            module.set_swish(memory_efficient=False)
    plain = Outline(network.float().cpu()).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    torch.onnx.export(
        plain, (torch.zeros(1, 1, size, size, dtype=torch.uint8),), str(path),
        input_names=["picture"], output_names=["probability"], opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def timed(sessions: dict[str, onnxruntime.InferenceSession], size: int) -> dict[str, float]:
    """Median milliseconds of one picture, the networks in turns."""
    picture = fit(speckle(1, "oval", size, size), size)[0][None, None]
    taken: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(REPEATS + 1):
        for name, session in sessions.items():
            started = time.perf_counter()
            session.run(None, {"picture": picture})
            if turn:  # the first round warms up
                taken[name].append((time.perf_counter() - started) * 1000)
    return {name: round(statistics.median(times), 1) for name, times in taken.items()}


def on_front(rows: list[dict[str, Any]]) -> list[str]:
    """Names of the rows that no faster one equals in Dice."""
    return [
        row["name"]
        for row in rows
        if not any(
            other["milliseconds"] < row["milliseconds"] and other["dice"]["value"] >= row["dice"]["value"]
            for other in rows
        )
    ]


HEAD = """# How wide the U-Net is

Written by `make widths`; do not edit by hand. Each network got the same short training ({epochs} epochs of {draws}
draws at {size} px) on the training folds of BUSI and BUS-BRA and outlined the {pictures} lesions of the tuning fold, so
that nothing is chosen on the fold that is reported. Dice is below that of the shipped network, which trained {times}
times as long. Milliseconds are those of one core, one picture at the served size, the networks in turns.

| U-Net | parameters, million | ms | Dice (95 % interval) | against the first | on the front |
| --- | --- | --- | --- | --- | --- |
"""
NOTHING_DRAWN = """A Dice of 0: after so short a training no probability had reached the threshold of a mask. That
tells how slowly a network learns, not how well it would end.

"""


def page(found: dict[str, Any]) -> str:
    """The measurements as Markdown."""
    plan = found["plan"]
    stage, draws = plan["segmentation"]["stages"][0], plan["segmentation"]["draws_per_epoch"]
    full = recipes.read(plan["base"])["segmentation"]
    long = full["draws_per_epoch"] * sum(each["epochs"] for each in full["stages"])
    head = HEAD.format(
        epochs=stage["epochs"], draws=draws, size=stage["size"], pictures=found["pictures"],
        times=round(long / (draws * stage["epochs"])),
    )  # fmt: skip
    front = on_front(found["rows"])
    lines = [
        f"| {row['name']} | {row['parameters'] / 1e6:.1f} | {row['milliseconds']} | {_text(row['dice'], '')} "
        f"| {_text(row['against_first'], '+') if index else '-'} | {'yes' if row['name'] in front else 'no'} |"
        for index, row in enumerate(found["rows"])
    ]
    drawn = "" if all(row["dice"]["value"] for row in found["rows"]) else NOTHING_DRAWN
    return head + "\n".join([*lines, "", drawn + conclusion(found["rows"])]) + "\n"


def conclusion(rows: list[dict[str, Any]]) -> str:
    """Whether the best row gains anything against the first, which is shipped, on the same pictures."""
    best = max(rows, key=lambda row: row["dice"]["value"])
    gained = best["against_first"]
    if best is rows[0]:
        found = "The shipped width, in the first row, has the best Dice here."
    else:
        shown = "holds 0: no gain is shown" if gained["low"] <= 0 <= gained["high"] else "does not hold 0"
        found = (
            f"The best Dice here is that of {best['name']}. Against the shipped width, in the first row, it gains "
            f"{_text(gained, '+')} on the same pictures; the interval {shown}."
        )
    return (
        f"{found}\n\nThe classifier starts from the encoder of a U-Net that is trained for that alone, so the width of "
        "the one that is served is free."
    )


def _text(figure: Figure, sign: str) -> str:
    return f"{figure['value']:{sign}.3f} ({figure['low']:{sign}.3f} to {figure['high']:{sign}.3f})"


if __name__ == "__main__":
    main()
