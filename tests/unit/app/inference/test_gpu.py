"""What onnxruntime is told of a GPU, and what happens where it does not do."""

from __future__ import annotations

import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import onnxruntime
import pytest

from app.inference import fixed_batches, gpu, manifest, sessions
from app.inference.gpu import GpuOptions
from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories.networks import write_tiny_networks
from tests.unit.app.inference.test_faults import Graphic

PICTURE = Picture(speckle(1, "oval", 96, 96), "png")
HASH = "a" * 64


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return write_tiny_networks(tmp_path / "models")


def test_cuda_is_told_to_calculate_exactly_and_what_was_set() -> None:
    assert gpu.cuda_options(GpuOptions(), 4, has_graph=False) == {"use_tf32": "0"}
    told = gpu.cuda_options(GpuOptions(memory_bytes=16_000_000, most_at_once=3), 4, has_graph=True)
    assert told == {
        "use_tf32": "0", "gpu_mem_limit": "5000000", "arena_extend_strategy": "kSameAsRequested",
        "enable_cuda_graph": "1",
    }  # fmt: skip


@pytest.mark.parametrize("most", [1, 4, 32])
def test_the_memory_is_shared_by_all_sessions_of_both_networks(most: int) -> None:
    options = GpuOptions(memory_bytes=4_000_000_000, most_at_once=most)
    shares = [options.memory_for(size) for size in (0, *options.sizes())]
    assert shares == sorted(shares)
    assert 3_999_999_000 < 2 * sum(shares) <= 4_000_000_000


def test_an_engine_is_kept_for_one_gpu_one_version_one_network_and_one_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder(sha256: str, size: int = 1) -> str:
        told = gpu.tensorrt_options(GpuOptions(engines=tmp_path), sha256, size)
        assert told["trt_engine_cache_enable"] == told["trt_timing_cache_enable"] == "True"  # "1" is an error there
        assert told["trt_engine_cache_path"] == told["trt_timing_cache_path"]
        assert Path(told["trt_engine_cache_path"]).is_dir()
        return told["trt_engine_cache_path"]

    monkeypatch.setattr(gpu, "device", lambda: "Model: one")
    folders = [folder(HASH), folder(HASH), folder("b" * 64), folder(HASH, 4)]
    monkeypatch.setattr(gpu, "device", lambda: "Model: another")
    folders.append(folder(HASH))
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: 101601)
    folders.append(folder(HASH))
    monkeypatch.setattr(onnxruntime, "__version__", "9.9.9")
    folders.append(folder(HASH))
    assert folders[0] == folders[1]
    assert len(set(folders)) == 6


@pytest.mark.parametrize("is_kept", [True, False])
def test_where_engines_can_t_be_kept_they_are_built_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    monkeypatch.setattr(gpu, "device", lambda: "Model: one")
    (tmp_path / "engines").write_bytes(b"a file where the folder should be")
    assert gpu.tensorrt_options(GpuOptions(engines=tmp_path / "engines" if is_kept else None), HASH, 1) == {}


def test_an_engine_of_an_unknown_gpu_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "device", lambda: "")
    assert gpu.tensorrt_options(GpuOptions(engines=tmp_path / "engines"), HASH, 1) == {}
    assert not (tmp_path / "engines").exists()


def test_engines_that_nobody_used_for_a_month_are_removed(tmp_path: Path) -> None:
    for name, days in (("old", 31), ("young", 29)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "engine").write_bytes(b"x")
        moment = time.time() - days * 24 * 3600
        os.utime(tmp_path / name, (moment, moment))
    gpu.remove_unused(tmp_path)
    gpu.remove_unused(tmp_path / "nowhere")
    gpu.remove_unused(None)
    assert not (tmp_path / "old").exists()
    assert (tmp_path / "young" / "engine").exists()


def test_the_driver_tells_the_gpu(tmp_path: Path) -> None:
    (tmp_path / "gpus/0000:01:00.0").mkdir(parents=True)
    (tmp_path / "gpus/0000:01:00.0/information").write_text("Model: \t NVIDIA X\nIRQ: 12\n", encoding="utf-8")
    (tmp_path / "version").write_text("NVRM version: 580.65\nGCC version: 12\n", encoding="utf-8")
    assert gpu.device(tmp_path) == "Model: \t NVIDIA X\nNVRM version: 580.65"
    assert gpu.device(tmp_path / "nowhere") == ""


def first_of(providers: list[Any]) -> str:
    return str(providers[0] if isinstance(providers[0], str) else providers[0][0])


class Opened(Graphic):
    """Keeps what each session was opened with; `refuses` says which can't be."""

    made: ClassVar[list[tuple[str, dict[str, str], int]]] = []
    threads: ClassVar[set[str]] = set()

    @staticmethod
    def refuses(first: str, told: dict[str, str]) -> bool:
        return False

    def __init__(self, content: bytes, options: Any, providers: list[Any], **named: Any) -> None:
        told = {} if isinstance(providers[0], str) else providers[0][1]
        if Opened.refuses(first_of(providers), told):
            raise RuntimeError("This session cannot use the graph capture feature as requested by the user")
        super().__init__(content, options, [first_of(providers)], **named)
        Opened.made.append((first_of(providers), told, id(options)))
        Opened.threads.add(threading.current_thread().name)


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of a GPU is there but the GPU; buffers lie on this side."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [gpu.TENSORRT, gpu.CUDA, sessions.CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Opened)
    monkeypatch.setattr(gpu, "has_driver", lambda: True)
    monkeypatch.setattr(gpu, "preload", lambda: None)
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: 101601)
    monkeypatch.setattr(gpu, "device", lambda: "Model: one")
    monkeypatch.setattr(Graphic, "fault", None)
    monkeypatch.setattr(Opened, "made", [])
    monkeypatch.setattr(Opened, "threads", set())
    real = fixed_batches.FixedBatches
    monkeypatch.setattr(sessions, "FixedBatches", lambda opens, has: real(opens, has, "cpu"))


@pytest.mark.usefixtures("with_gpu")
def test_tensorrt_is_taken_by_those_who_ask_for_it() -> None:
    found = {name: sessions._wanted(name, 1, False, 1) for name in ("auto", "cuda", "tensorrt", "cpu")}
    assert found["auto"] == found["cuda"] == [gpu.CUDA, sessions.CPU]
    assert found["tensorrt"] == [gpu.TENSORRT, gpu.CUDA, sessions.CPU]
    assert found["cpu"] == [sessions.CPU]


@pytest.mark.usefixtures("with_gpu")
def test_a_gpu_answers_as_the_cpu_does_and_is_made_ready_for_every_size_that_may_come(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(models, "cuda", gpu_options=GpuOptions(most_at_once=5))
    engine.warm_up()
    assert engine.kinds() == {
        "unet": dict.fromkeys((1, 4, 16), "plain"),
        "classifier": dict.fromkeys((1, 4, 16), "plain"),
    }
    opened = len(Opened.made)
    found = engine.read([PICTURE] * 3)
    assert len(Opened.made) == opened == 8
    monkeypatch.undo()
    (wanted,) = Engine(models, "cpu").read([PICTURE])
    assert all(one.probabilities == wanted.probabilities and (one.mask == wanted.mask).all() for one in found)


@pytest.mark.usefixtures("with_gpu")
def test_one_thread_opens_and_runs_all_there_is_on_a_gpu(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: set[str] = set()
    real = Graphic.run

    def noted(session: Graphic, *arguments: Any) -> Any:
        ran.add(threading.current_thread().name)
        return real(session, *arguments)

    monkeypatch.setattr(Graphic, "run", noted)
    engine = Engine(models, "cuda")
    with ThreadPoolExecutor(4) as senders:
        list(senders.map(engine.read, [[PICTURE]] * 8))
    assert ran == Opened.threads
    assert [name.rsplit("_", 1)[0] for name in ran] == ["line-gpu"]


@pytest.mark.usefixtures("with_gpu")
def test_a_network_that_can_have_no_cuda_graph_goes_without(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(models, "cuda", gpu_options=GpuOptions(has_graphs=True))
    engine.read([PICTURE])
    assert engine.kinds() == {"unet": {1: "graph"}, "classifier": {1: "graph"}}
    assert sum("enable_cuda_graph" in told for _, told, _ in Opened.made) == 2
    monkeypatch.setattr(Opened, "refuses", staticmethod(lambda first, told: "enable_cuda_graph" in told))
    engine = Engine(models, "cuda", gpu_options=GpuOptions(has_graphs=True))
    (found,) = engine.read([PICTURE])
    assert (found.provider, engine.kinds()["unet"]) == ("CUDA", {1: "plain"})


@pytest.mark.usefixtures("with_gpu")
def test_tensorrt_keeps_what_it_builds_and_has_no_cuda_graphs(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_building: set[bool] = set()

    def noted(first: str, _: dict[str, str]) -> bool:
        was_building.add(engine.is_building)
        return False

    monkeypatch.setattr(Opened, "refuses", staticmethod(noted))
    engine = Engine(models, "tensorrt", gpu_options=GpuOptions(has_graphs=True, engines=tmp_path / "engines"))
    assert not engine.is_building
    engine.warm_up()
    assert was_building == {True}
    assert not engine.is_building
    assert engine.provider == "TensorRT"
    assert engine.kinds() == {"unet": {1: "plain"}, "classifier": {1: "plain"}}
    assert len({told["trt_engine_cache_path"] for first, told, _ in Opened.made if first == gpu.TENSORRT}) == 4


@pytest.mark.usefixtures("with_gpu")
@pytest.mark.parametrize(("precision", "told"), [("fp16", "True"), ("fp32", None)])
def test_tensorrt_hears_of_half_precision(models: Path, tmp_path: Path, precision: str, told: str | None) -> None:
    network = replace(manifest.read(models).segmentation, precision=precision)
    sessions.NetworkSession(network, "tensorrt", 1, options=GpuOptions(engines=tmp_path / "engines"))
    made = [options for first, options, _ in Opened.made if first == gpu.TENSORRT]
    assert {options.get("trt_fp16_enable") for options in made} == {told}


@pytest.mark.usefixtures("with_gpu")
@pytest.mark.parametrize(("provider", "code"), [("cuda", "gpu_missing"), ("tensorrt", "tensorrt_missing")])
def test_a_gpu_that_was_asked_for_and_can_t_be_used_is_told(
    models: Path, monkeypatch: pytest.MonkeyPatch, provider: str, code: str
) -> None:
    monkeypatch.setattr(Opened, "refuses", staticmethod(lambda first, told: first != sessions.CPU))
    engine = Engine(models, provider)
    with pytest.raises(ModelUnusable) as refused:
        engine.warm_up()
    assert refused.value.code == code
    assert not engine.is_building


@pytest.mark.usefixtures("with_gpu")
def test_tensorrt_without_its_libraries_is_told(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "tensorrt_version", lambda: None)
    with pytest.raises(ModelUnusable) as refused:
        Engine(models, "tensorrt").read([PICTURE])
    assert refused.value.code == "tensorrt_missing"


@pytest.mark.usefixtures("with_gpu")
def test_a_damaged_network_is_not_blamed_on_the_gpu(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Opened, "refuses", staticmethod(lambda first, told: True))
    with pytest.raises(ModelUnusable) as refused:
        Engine(models, "cuda").read([PICTURE])
    assert refused.value.code == "model_bad"


@pytest.mark.usefixtures("with_gpu")
def test_a_gpu_that_failed_is_opened_anew_even_where_nothing_else_may_answer(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(models, "cuda")
    engine.read([PICTURE])
    monkeypatch.setattr(Graphic, "fault", RuntimeError("CUDA failure 700: an illegal memory access"))
    with pytest.raises(RuntimeError, match="illegal"):
        engine.read([PICTURE])
    monkeypatch.setattr(Graphic, "fault", None)
    opened = len(Opened.made)
    assert engine.read([PICTURE])[0].provider == "CUDA"
    assert len(Opened.made) > opened
    assert engine.gpu_failures == 1


@pytest.mark.usefixtures("with_gpu")
def test_what_failed_is_let_go_of_before_the_cpu_answers(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    real = Opened.__init__

    def noted(session: Opened, content: bytes, options: Any, providers: list[Any], **named: Any) -> None:
        real(session, content, options, providers, **named)
        if first_of(providers) == gpu.CUDA:
            alive.add(session)

    monkeypatch.setattr(Opened, "__init__", noted)
    engine = Engine(models, "auto", gpu_options=GpuOptions(most_at_once=4))
    engine.warm_up()
    assert len(alive) == 6
    left: list[int] = []
    answer = engine._read_on_cpu
    monkeypatch.setattr(engine, "_read_on_cpu", lambda *given: (left.append(len(alive)), answer(*given))[1])
    monkeypatch.setattr(Graphic, "fault", RuntimeError("CUDA failure 2: out of memory"))
    assert engine.read([PICTURE])[0].provider == "CPU"
    assert left == [0]


def test_graphs_are_no_matter_where_openvino_runs(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [sessions.OPENVINO, sessions.CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Opened)
    monkeypatch.setattr(Opened, "made", [])
    engine = Engine(models, "auto", gpu_options=GpuOptions(has_graphs=True))
    assert engine.read([PICTURE])[0].provider == "OpenVINO"


@pytest.mark.usefixtures("with_gpu")
def test_the_real_networks_have_a_batch_that_can_be_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(Path("models"), "cuda", gpu_options=GpuOptions(has_graphs=True))
    found = engine.read([PICTURE] * 2)
    assert engine.kinds() == {"U-Net": {4: "graph"}, "EfficientNetB3": {4: "graph"}}
    monkeypatch.undo()
    (wanted,) = Engine(Path("models"), "cpu").read([PICTURE])
    assert all(one.probabilities.malignant == pytest.approx(wanted.probabilities.malignant, abs=1e-4) for one in found)


@pytest.mark.parametrize(("is_half", "told"), [(True, {"trt_fp16_enable": "True"}), (False, {})])
def test_tensorrt_is_told_that_a_network_is_in_half_precision(
    monkeypatch: pytest.MonkeyPatch, is_half: bool, told: dict[str, str]
) -> None:
    monkeypatch.setattr(gpu, "device", lambda: "")
    assert gpu.tensorrt_options(GpuOptions(), HASH, 1, is_half) == told
