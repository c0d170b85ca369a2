"""Half-precision copies: smaller, near enough, and refused where they are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from training.exporting import half

pytestmark = pytest.mark.training


def write_network(path: Path, scale: float = 1.0) -> Path:
    """uint8 picture -> features -> embedding -> a squared distance that a half can't hold."""
    random = np.random.default_rng(0)
    weights = {
        "kernel": (scale * random.normal(size=(64, 1, 3, 3))).astype(np.float32),
        "centre": random.normal(size=(64,)).astype(np.float32),
        "zoom": np.full((1,), 3000, dtype=np.float32),
        "axes": np.asarray([2, 3], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["picture"], ["float"], name="a", to=TensorProto.FLOAT),
        helper.make_node("Conv", ["float", "kernel"], ["maps"], name="b"),
        helper.make_node("ReduceMean", ["maps", "axes"], ["embedding"], name="c", keepdims=0),
        helper.make_node("Sub", ["embedding", "centre"], ["from_centre"], name="d"),
        helper.make_node("Mul", ["from_centre", "zoom"], ["far"], name="e"),
        helper.make_node("Mul", ["far", "far"], ["distance"], name="f"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 64]) for name in ("embedding", "distance")],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture
def golden():
    return {"picture": np.random.default_rng(1).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)}


def test_the_copy_keeps_names_and_types_and_gives_the_same_answers(tmp_path: Path, golden) -> None:
    written = half.write_half(write_network(tmp_path / "net.onnx"), golden, "embedding")
    assert written.path.name == "net.fp16.onnx"
    assert 0 < max(written.differences.values()) <= half.TOLERANCE
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    assert [one.type for one in session.get_inputs()] == ["tensor(uint8)"]
    assert [(one.name, one.type) for one in session.get_outputs()] == [
        ("embedding", "tensor(float)"),
        ("distance", "tensor(float)"),
    ]


def test_weights_before_the_embedding_are_halves_and_those_after_it_are_not(tmp_path: Path, golden) -> None:
    path = half.write_half(write_network(tmp_path / "net.onnx"), golden, "embedding").path
    types = {tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer}
    assert types["kernel"] == TensorProto.FLOAT16
    assert types["centre"] == types["zoom"] == TensorProto.FLOAT


def test_what_overflows_a_half_is_refused(tmp_path: Path, golden) -> None:
    with pytest.raises(ValueError, match="too large for a half"):
        half.write_half(write_network(tmp_path / "net.onnx", scale=500), golden, "embedding")


def test_a_copy_that_answers_otherwise_is_refused(tmp_path: Path, golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half, "TOLERANCE", 1e-9)
    with pytest.raises(ValueError, match="differs too much"):
        half.write_half(write_network(tmp_path / "net.onnx"), golden, "embedding")


def test_the_shipped_halves_are_those_of_the_manifest_and_near_the_full_networks() -> None:
    manifest = json.loads(Path("models/manifest.json").read_text(encoding="utf-8"))
    golden = half.golden_phantoms(manifest, Path("models"))
    for part, facts in manifest["half_precision"].items():
        written = half.Half(Path("models") / facts["file"], facts["against_fp32"])
        assert written.facts() == facts
        full = Path("models") / manifest["networks"][part]["file"]
        first = {name: pictures[:2] for name, pictures in golden[part].items()}
        for name, far in half.differences(full, written.path, first).items():
            assert far <= half._allowed(name)
