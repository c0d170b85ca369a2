"""Tiny networks with the real contract: an identity "U-Net" (bright is lesion) and a "classifier" of channel means."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

SIZE = 32


def write_tiny_networks(folder: Path) -> Path:
    """Write manifest.json and both networks to `folder`; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    networks = {
        "segmentation": _described(_segmentation(), folder / "unet.onnx"),
        "classification": _described(_classification(), folder / "classifier.onnx"),
    }
    manifest = {
        "schema": 1, "version": "0.0.1", "recipe": "tiny", "labels": ["benign", "malignant", "normal"],
        "networks": networks, "border": 0.25,
        "mask": {"threshold": 0.5, "smallest_share": 0.002, "normal_limit": 1.01, "certain_outline": 1.01},
        "calibration": {"parameters": {"temperature": 0.2, "unet_weight": 1.0, "bias": [0.0, 0.0, 0.0]}},
        "conformal": {"coverage": 0.9, "limits": [0.3, 0.3, 0.3]}, "out_of_distribution": {"limit": 0.9},
        "operating_points": {"malignant": {"threshold": 0.4}}, "reliability": [], "metrics": {}, "training_data": [],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def write_tiny_layout(folder: Path) -> Path:
    """Write layout.json and its network to `folder`: a picture that is brighter than middle grey is "inverted"."""
    kinds = ["several_panels", "inverted", "photo_of_screen"]
    described = {"network": _described(_layout(), folder / "layout.onnx"), "limits": dict.fromkeys(kinds, 0.5)}
    (folder / "layout.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


def _layout() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["picture"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "plane"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "weights"], ["logits"]),
    ]
    constants = [
        helper.make_tensor("plane", TensorProto.INT64, [2], [2, 3]),
        helper.make_tensor("weights", TensorProto.FLOAT, [1, 3], [0.0, 1 / 255, 0.0]),
    ]
    graph = helper.make_graph(
        nodes, "layout",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["batch", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        constants,
    )  # fmt: skip
    return _model(graph)


def _described(model: onnx.ModelProto, path: Path) -> dict[str, object]:
    content = model.SerializeToString()
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return {"name": path.stem, "version": "0.0.1", "file": path.name, "sha256": digest, "input_size": SIZE}


def _segmentation() -> onnx.ModelProto:
    """Bright is lesion; the class logits and their maps are all zero."""
    nodes = [
        helper.make_node("Identity", ["picture"], ["probability"]),
        helper.make_node("Cast", ["picture"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "space"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zeros"], ["class_logits"]),
        helper.make_node("Concat", ["float", "float", "float"], ["three"], axis=1),
        helper.make_node("Mul", ["three", "zero"], ["nothing"]),
        helper.make_node("AveragePool", ["nothing"], ["activation"], kernel_shape=[8, 8], strides=[8, 8]),
    ]
    constants = [
        helper.make_tensor("space", TensorProto.INT64, [2], [2, 3]),
        helper.make_tensor("zeros", TensorProto.FLOAT, [1, 3], [0.0, 0.0, 0.0]),
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
    ]
    outputs = [
        helper.make_tensor_value_info("probability", TensorProto.UINT8, ["batch", 1, SIZE, SIZE]),
        helper.make_tensor_value_info("class_logits", TensorProto.FLOAT, ["batch", 3]),
        helper.make_tensor_value_info("activation", TensorProto.FLOAT, ["batch", 3, 4, 4]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.UINT8, ["batch", 1, SIZE, SIZE])
    return _model(helper.make_graph(nodes, "segmentation", [picture], outputs, constants))


def _classification() -> onnx.ModelProto:
    """Logits are the channel means in 0..1; the maps are the channels pooled; `novelty` is the picture's mean."""
    nodes = [
        helper.make_node("Cast", ["segmented"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "full"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled", "plane"], ["logits"], keepdims=0),
        helper.make_node("Identity", ["logits"], ["embedding"]),
        helper.make_node("AveragePool", ["scaled"], ["activation"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Gather", ["logits", "first"], ["novelty"], axis=1),
    ]
    constants = [
        helper.make_tensor("full", TensorProto.FLOAT, [], [255.0]),
        helper.make_tensor("plane", TensorProto.INT64, [2], [2, 3]),
        helper.make_tensor("first", TensorProto.INT64, [], [0]),
    ]
    outputs = {
        "logits": ["batch", 3],
        "activation": ["batch", 3, 4, 4],
        "embedding": ["batch", 3],
        "novelty": ["batch"],
    }
    graph = helper.make_graph(
        nodes, "classification",
        [helper.make_tensor_value_info("segmented", TensorProto.UINT8, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        constants,
    )  # fmt: skip
    return _model(graph)


def _model(graph: onnx.GraphProto) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model
