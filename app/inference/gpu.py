"""What there is of an NVIDIA GPU, and how onnxruntime is told to use it."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import logging
import os
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import onnxruntime

from app.inference.fixed_batches import SIZES

log = logging.getLogger(__name__)

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
NAMES = {CUDA: "CUDA", TENSORRT: "TensorRT"}
ASKED = frozenset({"cuda", "tensorrt"})  # values of PROVIDER that permit nothing but a GPU
_TENSORRT_LIBRARIES = ("libnvinfer.so.10", "libnvonnxparser.so.10")  # onnxruntime 1.31 is linked against these
_DRIVER = Path("/proc/driver/nvidia")


@dataclass(frozen=True)
class GpuOptions:
    """How a network may use the GPU.

    Attributes:
        memory_bytes: most that onnxruntime takes of the GPU's memory for one network; 0 sets no limit.
        has_graphs: repeat a run's launches as one CUDA graph.
        engines: folder for what TensorRT builds; None keeps nothing.
    """

    memory_bytes: int = 0
    has_graphs: bool = False
    engines: Path | None = None

    def shared_by(self, networks: int) -> GpuOptions:
        """The same for each of several networks."""
        return replace(self, memory_bytes=self.memory_bytes // networks)


def is_gpu(provider: str | None) -> bool:
    """Whether a provider, as it is named to people, is a GPU."""
    return provider in NAMES.values()


def has_driver() -> bool:
    """True where an NVIDIA driver may be: its device on Linux, that of WSL, or Windows."""
    return os.name == "nt" or any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))


def cuda_options(options: GpuOptions) -> dict[str, str]:
    """Provider options: https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html."""
    limit = {"gpu_mem_limit": str(options.memory_bytes), "arena_extend_strategy": "kSameAsRequested"}
    return (limit if options.memory_bytes else {}) | ({"enable_cuda_graph": "1"} if options.has_graphs else {})


def tensorrt_options(options: GpuOptions, sha256: str, inputs: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """Provider options: https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html.

    Args:
        sha256: of the network.
        inputs: shapes of its inputs by name, without the batch. One engine serves every batch size.
    """
    profile = {
        f"trt_profile_{name}_shapes": ",".join(f"{key}:{_by_x(size, shape)}" for key, shape in inputs.items())
        for name, size in (("min", SIZES[0]), ("opt", SIZES[1]), ("max", SIZES[-1]))
    }
    limit = {"trt_max_workspace_size": str(options.memory_bytes)} if options.memory_bytes else {}
    graphs = {"trt_cuda_graph_enable": "1"} if options.has_graphs else {}
    return profile | limit | graphs | _cache(options.engines, sha256)


def _by_x(batch: int, shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in (batch, *shape))


def _cache(engines: Path | None, sha256: str) -> dict[str, str]:
    """An engine is made for one GPU, one driver, one version of both libraries and one network: each has a folder."""
    if engines is None:
        return {}
    made_for = "\n".join((device(), onnxruntime.__version__, str(tensorrt_version()), sha256))
    folder = engines / hashlib.sha256(made_for.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1", "trt_timing_cache_path": str(folder),
    }  # fmt: skip


def device(driver: Path = _DRIVER) -> str:
    """The GPU's model and its driver's version, as the driver tells them; empty where it tells nothing."""
    found = [*sorted(driver.glob("gpus/*/information")), driver / "version"]
    return "\n".join(line for file in found for line in _lines(file) if line.startswith(("Model:", "NVRM version:")))


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


@cache
def tensorrt_version() -> int | None:
    """TensorRT's version as it gives it (101601 for 10.16.1), after loading its libraries; None where they are not."""
    try:
        core, _ = (ctypes.CDLL(name, ctypes.RTLD_GLOBAL) for name in _where(_TENSORRT_LIBRARIES))
    except OSError:
        return None
    return int(core.getInferLibVersion())


def _where(names: tuple[str, ...]) -> list[str]:
    """Paths of libraries in NVIDIA's package for Python, else their names, for the system's own search."""
    package = importlib.util.find_spec("tensorrt_libs")
    folders = [Path(place) for place in package.submodule_search_locations or ()] if package else []
    return [next((str(path / name) for path in folders if (path / name).exists()), name) for name in names]


def preload() -> None:
    """Load the libraries of CUDA and cuDNN from NVIDIA's packages for Python, so that onnxruntime finds them."""
    if hasattr(onnxruntime, "preload_dlls") and sys.platform != "darwin":
        onnxruntime.preload_dlls()
