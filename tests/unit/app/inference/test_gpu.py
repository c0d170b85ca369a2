"""What onnxruntime is told of a GPU, and what happens where it does not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from app.inference import fixed_batches, gpu, sessions
from app.inference.gpu import GpuOptions
from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories.networks import write_tiny_networks
from tests.unit.app.inference.test_faults import Graphic

PICTURE = Picture(speckle(1, "oval", 96, 96), "png")
SHAPES = {"picture": (1, 224, 224)}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return write_tiny_networks(tmp_path / "models")


def test_cuda_is_told_nothing_unless_something_was_set() -> None:
    assert gpu.cuda_options(GpuOptions()) == {}
    both = gpu.cuda_options(GpuOptions(memory_bytes=8_000_000, has_graphs=True).shared_by(2))
    assert both == {
        "gpu_mem_limit": "4000000", "arena_extend_strategy": "kSameAsRequested", "enable_cuda_graph": "1",
    }  # fmt: skip


def test_tensorrt_makes_one_engine_for_every_batch_size() -> None:
    told = gpu.tensorrt_options(GpuOptions(has_graphs=True), "a" * 64, SHAPES)
    assert told["trt_profile_min_shapes"] == "picture:1x1x224x224"
    assert told["trt_profile_opt_shapes"] == "picture:4x1x224x224"
    assert told["trt_profile_max_shapes"] == "picture:32x1x224x224"
    assert told["trt_cuda_graph_enable"] == "1"
    assert "trt_engine_cache_enable" not in told


def test_an_engine_is_kept_for_one_gpu_one_version_and_one_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder(sha256: str) -> str:
        told = gpu.tensorrt_options(GpuOptions(engines=tmp_path), sha256, SHAPES)
        assert told["trt_engine_cache_enable"] == "1"
        assert told["trt_engine_cache_path"] == told["trt_timing_cache_path"]
        assert Path(told["trt_engine_cache_path"]).is_dir()
        return told["trt_engine_cache_path"]

    folders = [folder("a" * 64), folder("a" * 64), folder("b" * 64)]
    monkeypatch.setattr(gpu, "device", lambda: "Model: another")
    folders.append(folder("a" * 64))
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: 101601)
    folders.append(folder("a" * 64))
    monkeypatch.setattr(onnxruntime, "__version__", "9.9.9")
    folders.append(folder("a" * 64))
    assert folders[0] == folders[1]
    assert len(set(folders)) == 5


def test_the_driver_tells_the_gpu(tmp_path: Path) -> None:
    (tmp_path / "gpus/0000:01:00.0").mkdir(parents=True)
    (tmp_path / "gpus/0000:01:00.0/information").write_text("Model: \t NVIDIA X\nIRQ: 12\n", encoding="utf-8")
    (tmp_path / "version").write_text("NVRM version: 580.65\nGCC version: 12\n", encoding="utf-8")
    assert gpu.device(tmp_path) == "Model: \t NVIDIA X\nNVRM version: 580.65"
    assert gpu.device(tmp_path / "nowhere") == ""


@pytest.fixture
def with_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of a GPU is there but the GPU."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [gpu.TENSORRT, gpu.CUDA, sessions.CPU])
    monkeypatch.setattr(gpu, "has_driver", lambda: True)
    monkeypatch.setattr(gpu, "preload", lambda: None)
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: 101601)


@pytest.mark.usefixtures("with_driver")
def test_tensorrt_is_taken_by_those_who_ask_for_it() -> None:
    found = {name: sessions._wanted(name, 1, False, 1) for name in ("auto", "cuda", "tensorrt", "cpu")}
    assert found["auto"] == found["cuda"] == [gpu.CUDA, sessions.CPU]
    assert found["tensorrt"] == [gpu.TENSORRT, gpu.CUDA, sessions.CPU]
    assert found["cpu"] == [sessions.CPU]


@pytest.mark.usefixtures("with_driver")
@pytest.mark.parametrize("has_libraries", [True, False])
def test_tensorrt_that_was_asked_for_and_is_missing_is_told(
    models: Path, monkeypatch: pytest.MonkeyPatch, has_libraries: bool
) -> None:
    def without(content: bytes, options: Any, providers: list[Any], **_: Any) -> Any:
        first = providers[0][0] if isinstance(providers[0], tuple) else providers[0]
        if first == gpu.TENSORRT:
            return Graphic(content, options, [gpu.CUDA, sessions.CPU])  # as onnxruntime goes on where it can't
        return Graphic(content, options, providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", without)
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: 101601 if has_libraries else None)
    with pytest.raises(ModelUnusable) as refused:
        Engine(models, "tensorrt").read([PICTURE])
    assert refused.value.code == "tensorrt_missing"


@pytest.mark.usefixtures("with_driver")
def test_tensorrt_is_told_the_shapes_that_the_network_has(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, str]] = []

    def builds(content: bytes, options: Any, providers: list[Any], **_: Any) -> Any:
        told.extend(given for name, given in (each for each in providers if isinstance(each, tuple)))
        return Graphic(content, options, [name if isinstance(name, str) else name[0] for name in providers])

    monkeypatch.setattr(onnxruntime, "InferenceSession", builds)
    (found,) = Engine(models, "tensorrt").read([PICTURE])
    assert found.provider == "TensorRT"
    assert [each["trt_profile_min_shapes"] for each in told] == ["picture:1x1x32x32", "segmented:1x3x32x32"]


@pytest.mark.usefixtures("with_driver")
def test_a_network_that_can_have_no_cuda_graph_goes_without(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bool] = []

    def without_graphs(content: bytes, options: Any, providers: list[Any], **_: Any) -> Any:
        tried.append(isinstance(providers[0], tuple))
        if tried[-1]:
            raise RuntimeError("This session cannot use the graph capture feature as requested by the user")
        return Graphic(content, options, providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_graphs)
    (found,) = Engine(models, "cuda", gpu_options=GpuOptions(has_graphs=True)).read([PICTURE])
    assert found.provider == "CUDA"
    assert tried == [True, False] * 2


@pytest.mark.usefixtures("with_driver")
def test_a_gpu_is_made_ready_for_every_size_that_may_come(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    class Counting(Graphic):
        def run(self, names: Any, inputs: Any, *rest: Any) -> Any:
            ran.append(len(next(iter(inputs.values()))))
            return super().run(names, inputs, *rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Counting)
    monkeypatch.setattr(fixed_batches, "is_fit", lambda _: False)
    Engine(models, "cuda", most_at_once=5).warm_up()
    assert ran == [1, 1, 4, 4, 16, 16]


@pytest.mark.usefixtures("with_driver")
def test_fixed_buffers_that_fail_leave_plain_runs(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here")
    monkeypatch.setattr(onnxruntime, "InferenceSession", Graphic)
    engine = Engine(models, "cuda")
    found = engine.read([PICTURE, PICTURE])
    assert [one.provider for one in found] == ["CUDA", "CUDA"]
    assert engine._loaded is not None
    assert engine._loaded.together.segmentation._fixed is None
    assert engine.gpu_failures == 0


@pytest.mark.usefixtures("with_driver")
def test_fixed_buffers_serve_a_gpu(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With buffers on this side: the engine answers as on the CPU."""
    monkeypatch.setattr(onnxruntime, "InferenceSession", Graphic)
    monkeypatch.setattr(
        sessions, "FixedBatches", lambda session, _, has: fixed_batches.FixedBatches(session, "cpu", has)
    )
    engine = Engine(models, "cuda")
    found = engine.read([PICTURE] * 3)
    assert engine._loaded is not None
    fixed = engine._loaded.together.segmentation._fixed
    assert fixed is not None
    assert set(fixed._buffers) == {4}
    monkeypatch.undo()
    (wanted,) = Engine(models, "cpu").read([PICTURE])
    assert all(one.probabilities == wanted.probabilities and (one.mask == wanted.mask).all() for one in found)
