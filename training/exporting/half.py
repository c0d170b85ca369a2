"""Half-precision copies of the exported networks, for GPUs: half the size, and about as exact.

    python -m training.exporting.half

`make export` does the same. Weights and arithmetic become float16; inputs and outputs keep their types, and what is
computed from the classifier's last feature maps (embedding, head, out-of-distribution score) stays float32. That score
divides squared distances of some 0.00001, so the rounding before it shows in it: it has a tolerance of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.transformers.float16 import convert_float_to_float16

from imaging.phantom import speckle
from imaging.postprocess import box_of, largest_part, mask_of
from imaging.preprocess import fit, restore, segmented
from training.exporting import model_card
from training.preparation.staging import staged

TOLERANCE = 1e-2  # largest difference, against the largest number of an output where that is above 1
OUT_OF_DISTRIBUTION_TOLERANCE = (
    0.25  # `python -m training.questions.drift` counts the real pictures whose answer that changes
)
LARGEST_INSIDE = 65504 / 4  # a quarter of the largest half: room for pictures brighter than the golden ones
MASK_TOLERANCE = 3  # in steps of 1/255, which is just above the same share
KEPT_FLOAT = {"segmentation": None, "classification": "embedding"}  # from the feature maps that this is pooled from
SUFFIX = ".fp16.onnx"

Inputs = dict[str, NDArray[np.uint8]]


@dataclass(frozen=True)
class Half:
    """A written half-precision network and the largest difference of each output from the full one."""

    path: Path
    differences: dict[str, float]

    def facts(self) -> dict[str, Any]:
        """What the manifest says of it."""
        return {
            "file": self.path.name,
            "sha256": hashlib.sha256(self.path.read_bytes()).hexdigest(),
            "precision": "fp16",
            "against_fp32": self.differences,
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.exporting.half", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    folder = parser.parse_args().models
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    with staged(folder) as temporary:
        for network in manifest["networks"].values():
            shutil.copy2(folder / network["file"], temporary)
        written = add_to_manifest(manifest, golden_phantoms(manifest, temporary), temporary)
        model_card.write(manifest, temporary)
    print(json.dumps(written, indent=2))


def add_to_manifest(
    manifest: dict[str, Any], golden: dict[str, Inputs], folder: Path, leeway: float = 1
) -> dict[str, Any]:
    """Write both half-precision networks and name them in the manifest, beside the full ones and not in their place.

    Args:
        golden: inputs by part of the manifest (`segmentation`, `classification`) and by the network's input name.
        leeway: how many times the tolerance is accepted; more than 1 only for networks that were hardly trained.

    Raises:
        ValueError: an output differs by more than the tolerance.
    """
    written = {
        part: write_half(folder / network["file"], golden[part], KEPT_FLOAT[part], leeway).facts()
        for part, network in manifest["networks"].items()
    }
    manifest["half_precision"] = written
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return written


def write_half(path: Path, golden: Inputs, pooled: str | None, leeway: float = 1) -> Half:
    """Write `name.fp16.onnx` beside `name.onnx` and prove on golden inputs that it gives the same answers.

    Args:
        pooled: an output; it and all that is computed from the same feature maps stay float32.

    Raises:
        ValueError: an output differs by more than the tolerance or is no number, or a number inside the network comes
            near the largest half; the CPU, which computes halves as floats, would not show that in the output.
    """
    inside = largest_inside(path, golden, pooled)
    if not inside <= leeway * LARGEST_INSIDE:
        raise ValueError(f"{path.name}: numbers up to {inside:.0f} inside the network are too large for a half.")
    half = _converted(onnx.load(path), pooled)
    _put_in_order(half.graph)
    onnx.checker.check_model(half)
    written = path.with_name(path.name.replace(".onnx", SUFFIX))
    onnx.save(half, written)
    found = differences(path, written, golden)
    wrong = {name: far for name, far in found.items() if not far <= leeway * _allowed(name)}
    if wrong:
        raise ValueError(f"{written.name}: half precision differs too much: {wrong}.")
    return Half(written, found)


def largest_inside(path: Path, golden: Inputs, pooled: str | None) -> float:
    """The largest number inside the part of a network that becomes float16, over the first two golden inputs."""
    network = onnx.load(path)
    kept = _computed_from(network.graph, _maps(network.graph, pooled)) if pooled is not None else []
    beside = {node.name for node in kept}
    known = {output.name for output in network.graph.output}
    inner = [name for node in network.graph.node if node.name not in beside for name in node.output if name]
    network.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner if name not in known)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    largest = 0.0
    for index in range(2):
        answers = session.run(inner, {name: pictures[index : index + 1] for name, pictures in golden.items()})
        floats = [answer for answer in answers if answer.dtype == np.float32 and answer.size]
        largest = max([largest, *(float(np.abs(answer).max()) for answer in floats)])
    return largest


def _maps(graph: onnx.GraphProto, pooled: str) -> str:
    """The feature maps that an output is pooled from."""
    return str(next(node.input[0] for node in graph.node if pooled in node.output))


def _converted(full: onnx.ModelProto, pooled: str | None) -> onnx.ModelProto:
    """The network in float16, but for what is computed from the feature maps that the output `pooled` is made of.

    That part is cut off before the conversion and put back after it: told to leave nodes alone, the converter still
    rounds what passes between them.
    """
    tail: list[onnx.NodeProto] = []
    outputs, weights = list(full.graph.output), list(full.graph.initializer)
    if pooled is not None:
        maps = _maps(full.graph, pooled)
        tail = _computed_from(full.graph, maps)
        names = {node.name for node in tail}
        head = [node for node in full.graph.node if node.name not in names]
        _replace(full.graph.node, head)
        _replace(full.graph.initializer, [one for one in weights if _is_used(one.name, head)])
        _replace(full.graph.output, [onnx.helper.make_tensor_value_info(maps, onnx.TensorProto.FLOAT, None)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it names every weight below the smallest half, hundreds of them
        half = convert_float_to_float16(full, keep_io_types=True)
    half.graph.node.extend(tail)
    _replace(half.graph.output, outputs)
    known = {one.name for one in half.graph.initializer}
    half.graph.initializer.extend(one for one in weights if one.name not in known and _is_used(one.name, tail))
    return half


def _replace(repeated: Any, values: list[Any]) -> None:
    kept = list(values)
    del repeated[:]
    repeated.extend(kept)


def _is_used(tensor: str, nodes: list[onnx.NodeProto]) -> bool:
    return any(tensor in node.input for node in nodes)


def _allowed(output: str) -> float:
    return {"probability": MASK_TOLERANCE, "novelty": OUT_OF_DISTRIBUTION_TOLERANCE}.get(output, TOLERANCE)


def differences(full: Path, half: Path, golden: Inputs) -> dict[str, float]:
    """Largest difference of every output, as `apart` measures it."""
    sessions = [onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (full, half)]
    names = [output.name for output in sessions[0].get_outputs()]
    answers = [session.run(names, golden) for session in sessions]
    return {name: apart(expected, got) for name, expected, got in zip(names, *answers, strict=True)}


def apart(expected: NDArray[Any], got: NDArray[Any]) -> float:
    """Largest difference: in steps of 1/255 for uint8, else against the largest expected number, if that is above 1.

    Logits of hundreds, as an untrained network gives, can't agree better than their own rounding.
    """
    far = float(np.abs(expected.astype(np.float64) - got.astype(np.float64)).max())
    return far if expected.dtype == np.uint8 else far / max(1.0, float(np.abs(expected).max()))


def _computed_from(graph: onnx.GraphProto, tensor: str) -> list[onnx.NodeProto]:
    """The nodes that are computed from a tensor, with the constants that only they use."""
    reached, nodes = {tensor}, []
    for node in graph.node:
        if reached.intersection(node.input):
            nodes.append(node)
            reached.update(node.output)
    names = {node.name for node in nodes}
    others = [node for node in graph.node if node.name not in names]
    constants = [node for node in others if node.op_type == "Constant" and not _is_used(node.output[0], others)]
    return [*constants, *nodes]


def _put_in_order(graph: onnx.GraphProto) -> None:
    """Each node after those it needs, each with a name of its own, none twice: the conversion leaves none of that."""
    known = {"", *(tensor.name for tensor in (*graph.input, *graph.initializer))}
    waiting = list({(node.op_type, *node.input, *node.output): node for node in graph.node}.values())
    ordered: list[onnx.NodeProto] = []
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        if not ready:
            raise ValueError("The graph has a circle.")
        waiting = [node for node in waiting if not known.issuperset(node.input)]
        ordered += ready
        known.update(name for node in ready for name in node.output)
    del graph.node[:]
    for number, node in enumerate(ordered):
        node.name = f"{node.op_type}_{number}"
        graph.node.append(node)


def golden_phantoms(manifest: dict[str, Any], folder: Path) -> dict[str, Inputs]:
    """Golden inputs from our own synthetic ultrasound, prepared as serving prepares a picture."""
    networks, rule = manifest["networks"], manifest["mask"]
    pixels = [speckle(seed, lesion) for seed in range(4) for lesion in (None, "oval", "irregular")]
    fitted = [fit(picture, networks["segmentation"]["input_size"]) for picture in pixels]
    pictures = np.stack([square for square, _ in fitted])[:, None]
    unet = onnxruntime.InferenceSession(str(folder / networks["segmentation"]["file"]))
    squares = unet.run(["probability"], {"picture": pictures})[0][:, 0]
    inputs = []
    for picture, square, (_, place) in zip(pixels, squares, fitted, strict=True):
        drawn = restore(square, place)
        box = box_of(largest_part(mask_of(drawn, rule["threshold"], rule["smallest_share"])))
        inputs.append(segmented(picture, drawn, box, manifest["border"], networks["classification"]["input_size"]))
    return {"segmentation": {"picture": pictures}, "classification": {"segmented": np.stack(inputs)}}


if __name__ == "__main__":
    main()
