"""What there is of an NVIDIA GPU, and how onnxruntime is told to use it."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnxruntime

from app.inference.fixed_batches import SIZES, next_size

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
NAMES = {CUDA: "CUDA", TENSORRT: "TensorRT"}
ASKED = frozenset({"cuda", "tensorrt"})  # values of PROVIDER that permit nothing but a GPU
NETWORKS = 2
UNUSED_DAYS = 30  # after which an engine that TensorRT built is removed
_TENSORRT_LIBRARIES = ("libnvinfer.so.10", "libnvonnxparser.so.10")  # onnxruntime 1.31 is linked against these
_DRIVER = Path("/proc/driver/nvidia")
_DAY_S = 24 * 3600


@dataclass(frozen=True)
class GpuOptions:
    """How the networks may use the GPU.

    Attributes:
        memory_bytes: most that onnxruntime's own pools take together; 0 sets no limit.
        has_graphs: repeat a run's launches as one CUDA graph; not with TensorRT.
        engines: folder for what TensorRT builds; None keeps nothing.
        most_at_once: pictures that are read together at most.
    """

    memory_bytes: int = 0
    has_graphs: bool = False
    engines: Path | None = None
    most_at_once: int = 1

    def sizes(self) -> list[int]:
        """Of the batches that may come."""
        return [size for size in SIZES if size <= next_size(self.most_at_once)]

    def memory_for(self, size: int) -> int:
        """Bytes for a session of one of two networks: the larger its batches, the more.

        Args:
            size: of its batch; 0 for the one that is only looked at.
        """
        return self.memory_bytes // NETWORKS * (size + 1) // (1 + sum(each + 1 for each in self.sizes()))


def is_gpu(provider: str | None) -> bool:
    """Whether a provider, as it is named to people, is a GPU."""
    return provider in NAMES.values()


def has_driver() -> bool:
    """True where an NVIDIA driver may be: its device on Linux, that of WSL, or Windows."""
    return os.name == "nt" or any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))


def cuda_options(options: GpuOptions, size: int, has_graph: bool) -> dict[str, str]:
    """Provider options: https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html.

    Without TensorFloat-32, which rounds to ten bits and is on by default: the out-of-distribution score divides
    distances of some 0.00001, and would come out larger.

    Args:
        size: of the batch; 0 for any.
    """
    limit = {"gpu_mem_limit": str(options.memory_for(size)), "arena_extend_strategy": "kSameAsRequested"}
    told = {"use_tf32": "0"} | (limit if options.memory_bytes else {})
    return told | ({"enable_cuda_graph": "1"} if has_graph else {})


def tensorrt_options(options: GpuOptions, sha256: str, size: int, is_half: bool = False) -> dict[str, str]:
    """Provider options: https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html.

    Flags are True or False here, and nothing else. The sizes of a session's inputs are constants, so none are told.

    Args:
        sha256: of the network.
        size: of the batch; 0 for any.
        is_half: the network is in half precision, which TensorRT has to be told: else it refuses to build an engine
            (https://github.com/NVIDIA/TensorRT/issues/3277).
    """
    os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")  # there is no option for it; see `cuda_options`
    limit = {"trt_max_workspace_size": str(options.memory_for(size))} if options.memory_bytes else {}
    half = {"trt_fp16_enable": "True"} if is_half else {}
    return limit | half | _cache(options.engines, sha256, size)


def _cache(engines: Path | None, sha256: str, size: int) -> dict[str, str]:
    """A folder for each engine, which is made for one GPU, driver, version of both libraries, network and batch size.

    onnxruntime does not tell engines of different sizes apart: https://github.com/microsoft/onnxruntime/issues/32254.
    """
    known = device()
    if engines is None or not known:
        return {}
    made_for = "\n".join((known, onnxruntime.__version__, str(tensorrt_version()), sha256, str(size)))
    folder = engines / hashlib.sha256(made_for.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:  # a disk that can't be written: engines are built at each start
        return {}
    return {
        "trt_engine_cache_enable": "True", "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "True", "trt_timing_cache_path": str(folder),
    }  # fmt: skip


def remove_unused(engines: Path | None) -> None:
    """Remove engines that no start has used for a month; to be called when those in use have been opened."""
    limit = time.time() - UNUSED_DAYS * _DAY_S
    for folder in engines.glob("*") if engines else ():
        with suppress(OSError):
            if folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)


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
