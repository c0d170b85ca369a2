"""`python -m training.exporting.whole_graph`: both networks and all that lies between them as one ONNX graph.

The graph takes uint8 pictures and gives masks and calibrated probabilities, so that nothing travels between the GPU
and the processor on the way. Geometry is matrices here: resizing a row is a product with the shares that its pixels
have in each other, so pictures and lesion boxes of different sizes go through as one batch, without control flow. The
serving code in `imaging/` does the same step by step; `tests/unit/training/exporting/test_whole_graph.py` holds the two
together.

Weights are not written twice: the graph names the bytes inside `unet.onnx` and `efficientnetb3.onnx` that hold them.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import compose
from torch import nn
from torch.nn import functional

OPSET = 18
ROUNDS = 8  # of joining runs into parts; a lesion needs two or three, a spiral of n turns needs about 2 n
SHARED_ABOVE_BYTES = 1024
FILE = "whole.onnx"


def shares(
    length_out: int, out_start: torch.Tensor, out_count: torch.Tensor,
    length_in: int, in_start: torch.Tensor, in_count: torch.Tensor, is_shrinking: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """How much each input pixel of a row counts for each output pixel: float `N x length_out x length_in`.

    By area when shrinking, else bilinear with half-pixel centres, as `imaging.preprocess.resize` does.

    Args:
        out_start, out_count: which output pixels are filled, float `N`; the others get nothing.
        in_start, in_count: which input pixels they are made of, float `N`.
        is_shrinking: bool `N`.
    """
    target = torch.arange(length_out, dtype=torch.float32).view(1, -1, 1) - out_start.view(-1, 1, 1)
    source = torch.arange(length_in, dtype=torch.float32).view(1, 1, -1) - in_start.view(-1, 1, 1)
    scale, last = (in_count / out_count).view(-1, 1, 1), in_count.view(-1, 1, 1) - 1
    low, high = target * scale, (target + 1) * scale
    overlap = torch.minimum(high, source + 1) - torch.maximum(low, source)
    centre = torch.minimum(((target + 0.5) * scale - 0.5).clamp(min=0), last)
    weights = torch.where(
        is_shrinking.view(-1, 1, 1), overlap.clamp(min=0) / scale, (1 - (centre - source).abs()).clamp(min=0)
    )
    is_inside = (target >= 0) & (target < out_count.view(-1, 1, 1)) & (source >= 0) & (source <= last)
    return weights * is_inside.float()


def resized(pixels: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """float `N x H x W` pixels times the shares of rows and columns, rounded to whole greys."""
    return torch.round(torch.matmul(torch.matmul(rows, pixels), columns.transpose(1, 2)))


def letterbox(height: torch.Tensor, width: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """Rows and columns that a picture fills in a square, and where they start: `imaging.preprocess.placement`."""
    scale = size / torch.maximum(height, width)
    fitted_height = torch.round(height * scale).clamp(1, size)
    fitted_width = torch.round(width * scale).clamp(1, size)
    top, left = torch.floor((size - fitted_height) / 2), torch.floor((size - fitted_width) / 2)
    return fitted_height, fitted_width, top, left


def fit(
    pixels: torch.Tensor, size: int, top: torch.Tensor, left: torch.Tensor, height: torch.Tensor, width: torch.Tensor
) -> torch.Tensor:
    """The window of float `N x H x W` pixels, letterboxed: float `N x size x size`; `imaging.preprocess.fit`."""
    fitted_height, fitted_width, below, beside = letterbox(height, width, size)
    is_shrinking = fitted_height * fitted_width < height * width
    rows = shares(size, below, fitted_height, pixels.shape[1], top, height, is_shrinking)
    columns = shares(size, beside, fitted_width, pixels.shape[2], left, width, is_shrinking)
    return resized(pixels, rows, columns)


class Before(nn.Module):
    """Pictures on a canvas to the U-Net's letterboxed input."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, canvas: torch.Tensor, extent: torch.Tensor) -> torch.Tensor:
        height, width = extent[:, 0].float(), extent[:, 1].float()
        none = torch.zeros_like(height)
        return fit(canvas[:, 0].float(), self.size, none, none, height, width).to(torch.uint8)[:, None]


class Between(nn.Module):
    """From the U-Net's answer to mask, box and segmented picture, as `imaging.postprocess` and `preprocess` do it."""

    def __init__(self, size: int, threshold: float, smallest_share: float, border: float) -> None:
        super().__init__()
        self.size, self.threshold = size, round(threshold * 255)
        self.smallest_share, self.border = smallest_share, border

    def forward(
        self, canvas: torch.Tensor, extent: torch.Tensor, probability: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        pixels, answer = canvas[:, 0].float(), probability[:, 0].float()
        height, width = extent[:, 0].float(), extent[:, 1].float()
        laid = _restored(answer, height, width, pixels.shape[1], pixels.shape[2])
        mask, main_part = _parts(laid >= self.threshold, self.smallest_share * height * width)
        top, left, tall, wide = self._window(main_part, height, width)
        picture = fit(pixels, self.size, top, left, tall, wide)
        soft = fit(laid, self.size, top, left, tall, wide)
        segmented = torch.stack([picture, soft, torch.floor(picture * soft / 255)], dim=1).to(torch.uint8)
        window = torch.stack([top, left, top + tall, left + wide], dim=1).to(torch.int64)
        return segmented, laid.to(torch.uint8), mask.to(torch.uint8) + main_part.to(torch.uint8), window

    def _window(
        self, main_part: torch.Tensor, height: torch.Tensor, width: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Top, left, height and width of the part with its border; of the whole picture where there is no part."""
        top, bottom = _ends(main_part.any(dim=2))
        left, right = _ends(main_part.any(dim=1))
        is_found = bottom > top
        margin = torch.round(self.border * torch.maximum(bottom - top, right - left))
        none = torch.zeros_like(height)
        top, left = ((edge - margin).clamp(min=0) for edge in (top, left))
        bottom, right = torch.minimum(bottom + margin, height), torch.minimum(right + margin, width)
        top, left = torch.where(is_found, top, none), torch.where(is_found, left, none)
        return top, left, torch.where(is_found, bottom, height) - top, torch.where(is_found, right, width) - left


def _restored(
    answer: torch.Tensor, height: torch.Tensor, width: torch.Tensor, canvas_height: int, canvas_width: int
) -> torch.Tensor:
    size = answer.shape[1]
    fitted_height, fitted_width, top, left = letterbox(height, width, size)
    none, is_shrinking = torch.zeros_like(height), height * width < fitted_height * fitted_width
    rows = shares(canvas_height, none, height, size, top, fitted_height, is_shrinking)
    columns = shares(canvas_width, none, width, size, left, fitted_width, is_shrinking)
    return resized(answer, rows, columns)


def _ends(is_in: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First and one past the last True of each row of bool `N x L`, as float; both 0 where there is none."""
    count = is_in.shape[1]
    index = torch.arange(count, dtype=torch.float32).view(1, -1)
    last = (is_in.float() * (index + 1)).amax(dim=1)
    first = count - (is_in.float() * (count - index)).amax(dim=1)
    return torch.minimum(first, last), last


def _parts(binary: torch.Tensor, smallest: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Parts of bool `N x H x W` that are large enough (pixels, float `N`), and the largest of them.

    Every pixel starts with a number of its own. In turns, the highest number of each unbroken run of a row, of each run
    of a column, and of each 3 x 3 neighbourhood goes to all its pixels, until a part has one number.
    """
    count, height, width = binary.shape
    inside = binary.float()
    numbers = (torch.arange(height * width, dtype=torch.float32) + 1).view(1, height, width) * inside
    down = inside.transpose(1, 2)
    rows, columns = _runs(inside), _runs(down)
    for _ in range(ROUNDS):
        numbers = _highest_of_runs(numbers, rows) * inside
        numbers = (_highest_of_runs(numbers.transpose(1, 2), columns) * down).transpose(1, 2)
        numbers = functional.max_pool2d(numbers[:, None], 3, 1, 1)[:, 0] * inside
    flat = numbers.reshape(count, -1).to(torch.int64)
    areas = torch.zeros_like(flat, dtype=torch.float32).scatter_add(1, (flat - 1).clamp(min=0), (flat > 0).float())
    areas = areas * (areas >= smallest[:, None]).float()
    area_of = areas.gather(1, (flat - 1).clamp(min=0)) * (flat > 0).float()
    largest, chosen = areas.max(dim=1, keepdim=True)
    main_part = (flat - 1 == chosen) & (largest > 0)
    return (area_of > 0).view(count, height, width), main_part.view(count, height, width)


def _runs(inside: torch.Tensor) -> torch.Tensor:
    """Which unbroken run of its row each pixel of float `N x H x W` belongs to, int64, flat; ground has a part too."""
    before = functional.pad(inside, (1, 0))[:, :, :-1]
    starts = inside * (1 - before)
    return torch.cumsum(starts.reshape(-1).to(torch.int64), dim=0)


def _highest_of_runs(numbers: torch.Tensor, runs: torch.Tensor) -> torch.Tensor:
    flat = numbers.reshape(-1)
    highest = torch.zeros_like(flat).scatter_reduce(0, runs, flat, "amax", include_self=True)
    return highest.gather(0, runs).view(numbers.shape)


class After(nn.Module):
    """Logits to probabilities, as `imaging.statistics.scores.Scaling`; its numbers come in, so that they can change."""

    def forward(self, logits: torch.Tensor, class_logits: torch.Tensor, scaling: torch.Tensor) -> torch.Tensor:
        combined = (logits + scaling[1] * class_logits) / scaling[0] + scaling[2:]
        return torch.softmax(combined, dim=1)


def build(folder: Path) -> Path:
    """Write `whole.onnx` beside the exported networks of `folder` and name it in their manifest.

    Raises:
        ValueError: a weight of the networks is not found in their files as it should be.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    networks = {name: folder / manifest["networks"][name]["file"] for name in ("segmentation", "classification")}
    model = _composed(manifest, {name: onnx.load(str(path)) for name, path in networks.items()})
    _share_weights(model, {f"{name}/": path for name, path in networks.items()})
    path = folder / FILE
    onnx.save(model, str(path))
    manifest["whole"] = {
        "file": FILE,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "inputs": {
            "canvas": "uint8 N x 1 x H x W, pictures in the upper left corner",
            "extent": "int64 N x 2, height and width of each picture",
            "scaling": "float32 5: temperature, weight of the U-Net's logits, bias per class",
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return path


def _composed(manifest: dict[str, Any], networks: dict[str, onnx.ModelProto]) -> onnx.ModelProto:
    """All five pieces in their order, each with its name before the names of its values."""
    size, narrow = (manifest["networks"][name]["input_size"] for name in ("segmentation", "classification"))
    mask = manifest["mask"]
    canvas, extent = torch.zeros(2, 1, 40, 50, dtype=torch.uint8), torch.tensor([[40, 50], [30, 20]])
    answer = torch.zeros(2, 1, size, size, dtype=torch.uint8)
    between = Between(narrow, mask["threshold"], mask["smallest_share"], manifest["border"])
    named = {
        "before": _exported(Before(size), {"canvas": canvas, "extent": extent}, ["picture"]),
        "segmentation": networks["segmentation"],
        "between": _exported(
            between, {"canvas": canvas, "extent": extent, "probability": answer},
            ["segmented", "laid", "parts", "window"],
        ),
        "classification": networks["classification"],
        "after": _exported(
            After(), {"logits": torch.zeros(2, 3), "class_logits": torch.zeros(2, 3), "scaling": torch.ones(5)},
            ["probabilities"],
        ),
    }  # fmt: skip
    pieces = {name: compose.add_prefix(model, f"{name}/") for name, model in named.items()}
    graph = onnx.helper.make_graph(
        [node for piece in pieces.values() for node in piece.graph.node],
        "whole",
        [_renamed(one, name.split("/")[1]) for name, one in _inputs(pieces).items()],
        [
            _renamed(one, OUTPUTS[one.name])
            for piece in pieces.values()
            for one in piece.graph.output
            if one.name in OUTPUTS
        ],
        [one for piece in pieces.values() for one in piece.graph.initializer],
    )
    _rewire(graph, EDGES | OUTPUTS)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], producer_name="sonotriage"
    )
    model.ir_version = networks["segmentation"].ir_version
    return model


EDGES = {
    "before/canvas": "canvas", "between/canvas": "canvas", "before/extent": "extent", "between/extent": "extent",
    "after/scaling": "scaling", "before/picture": "segmentation/picture",
    "segmentation/probability": "between/probability", "between/segmented": "classification/segmented",
    "classification/logits": "after/logits",
    "segmentation/class_logits": "class_logits", "after/class_logits": "class_logits",
}  # fmt: skip
OUTPUTS = {
    "between/laid": "probability", "between/parts": "parts", "between/window": "window",
    "segmentation/class_logits": "class_logits", "segmentation/activation": "picture_activation",
    "classification/activation": "window_activation", "classification/embedding": "embedding",
    "classification/novelty": "novelty", "after/probabilities": "probabilities",
}  # fmt: skip
INPUTS = ("before/canvas", "before/extent", "after/scaling")


def _inputs(pieces: dict[str, onnx.ModelProto]) -> dict[str, onnx.ValueInfoProto]:
    found = {one.name: one for piece in pieces.values() for one in piece.graph.input}
    return {name: found[name] for name in INPUTS}


def _renamed(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    copy.name = name
    return copy


def _rewire(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for values in (node.input, node.output):
            for index, name in enumerate(values):
                values[index] = names.get(name, name)


def _exported(piece: nn.Module, inputs: dict[str, torch.Tensor], outputs: list[str]) -> onnx.ModelProto:
    file = io.BytesIO()
    axes: dict[str, dict[int, str]] = {name: {0: "batch"} for name in (*inputs, *outputs) if name != "scaling"}
    for name in {"canvas", "laid", "parts"} & set(axes):
        first = 2 if name == "canvas" else 1
        axes[name] |= {first: "height", first + 1: "width"}
    torch.onnx.export(
        piece.eval(), tuple(inputs.values()), file, input_names=list(inputs), output_names=outputs,
        dynamic_axes=axes, opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    return onnx.load_from_string(file.getvalue())


def _share_weights(model: onnx.ModelProto, files: dict[str, Path]) -> None:
    """Let large weights stay where they are: in the file of the network whose prefix their name has."""
    contents = {prefix: path.read_bytes() for prefix, path in files.items()}
    for weight in model.graph.initializer:
        prefix = next((prefix for prefix in files if weight.name.startswith(prefix)), None)
        if prefix is None or len(weight.raw_data) < SHARED_ABOVE_BYTES:
            continue
        offset = contents[prefix].find(weight.raw_data)
        if offset < 0:
            raise ValueError(f"{weight.name} is not in {files[prefix].name}")
        length = len(weight.raw_data)
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        del weight.external_data[:]
        for key, value in (("location", files[prefix].name), ("offset", offset), ("length", length)):
            weight.external_data.add(key=key, value=str(value))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.exporting.whole_graph", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds the exported networks")
    path = build(parser.parse_args().models)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
