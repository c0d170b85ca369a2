"""Opens onnxruntime sessions: on the GPU when it really is there, else on the CPU, and says which it was."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.inference.manifest import ModelUnusable, Network

log = logging.getLogger(__name__)

CUDA, OPENVINO, CPU = "CUDAExecutionProvider", "OpenVINOExecutionProvider", "CPUExecutionProvider"
NAMES = {CUDA: "CUDA", OPENVINO: "OpenVINO", CPU: "CPU"}
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}

Provider = str | tuple[str, dict[str, str]]


def usable_cores() -> int:
    """Cores that this process may use: the affinity mask, cut by the control group's quota (Linux, version 2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no quota set ("max"), or not Linux
        return cores


class NetworkSession:
    """One network in memory. `run` takes and gives numpy arrays by name.

    Opened lazily in the process that uses it: a session opened before `fork` crashes in the child.

    Args:
        provider: auto, cuda, openvino or cpu.
        threads: of one inference on the CPU; 0 takes the usable cores.
        is_bf16: let OpenVINO calculate in bfloat16, where the processor can.
        lines: how many threads of ours run it at once; OpenVINO has to know.
    """

    def __init__(self, network: Network, provider: str, threads: int, is_bf16: bool = False, lines: int = 1) -> None:
        self.network, self.threads = network, threads or usable_cores()
        self._is_bf16 = is_bf16 and has_bf16()
        self._session = _open(network, provider, self.threads, self._is_bf16, lines)

    @property
    def provider(self) -> str:
        """ "CUDA", "OpenVINO" or "CPU": what really runs; `get_available_providers` says GPU even without one."""
        return NAMES.get(self._session.get_providers()[0], "CPU")

    @property
    def precision(self) -> str:
        """The arithmetic that really runs: fp32, fp16 or bf16."""
        return "bf16" if self._is_bf16 and self.provider == "OpenVINO" else self.network.precision

    def shapes(self) -> tuple[dict[str, list[object]], dict[str, list[object]]]:
        """Sizes of all inputs and of all outputs by name; a size that is left open is a text."""
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        return {one.name: one.shape for one in inputs}, {one.name: one.shape for one in outputs}

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run one batch and return every output by its name."""
        names = [output.name for output in self._session.get_outputs()]
        values = self._session.run(names, dict(inputs))
        return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def has_bf16() -> bool:
    """True on a Linux processor that multiplies bfloat16 numbers itself."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not _BF16_FLAGS.isdisjoint(flags.split())


def _open(network: Network, provider: str, threads: int, is_bf16: bool, lines: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Both networks have threads of their own: spinning on after one has run, they would take the cores from the other.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(network.path.parent))
    providers = _wanted(provider, threads, is_bf16, lines)
    # OpenVINO optimises by itself, and knows fewer of the operators that onnxruntime would make of the graph's.
    level = onnxruntime.GraphOptimizationLevel
    is_openvino = isinstance(providers[0], tuple)
    options.graph_optimization_level = level.ORT_DISABLE_ALL if is_openvino else level.ORT_ENABLE_ALL
    options.log_severity_level = 4 if provider == "auto" else 3  # a missing GPU is told by the provider, not by noise
    content = network.checked()
    session = _session(network, content, options, providers, is_cpu_enough=provider == "auto")
    first = session.get_providers()[0]
    if provider == "cuda" and first != CUDA:
        raise ModelUnusable("gpu_missing", "The GPU was asked for (PROVIDER=cuda), but it can't be used.")
    if provider == "openvino" and first != OPENVINO:
        raise ModelUnusable("openvino_missing", "OpenVINO was asked for (PROVIDER=openvino), but is not installed.")
    log.info("network opened", extra={"network": network.name, "provider": first})
    return session


def _session(
    network: Network,
    content: bytes,
    options: onnxruntime.SessionOptions,
    providers: list[Provider],
    is_cpu_enough: bool,
) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime raises a dozen unrelated types, for an unusable file and a full GPU alike
        if is_cpu_enough and providers != [CPU]:
            log.error("provider can't be opened, taking the CPU", extra={"error": type(error).__name__})
            return _session(network, content, options, [CPU], is_cpu_enough)
        raise ModelUnusable("model_bad", f"The network {network.name} can't be opened.") from error


def _wanted(provider: str, threads: int, is_bf16: bool, lines: int) -> list[Provider]:
    available = onnxruntime.get_available_providers()
    if provider in ("auto", "openvino") and OPENVINO in available:
        return [(OPENVINO, _openvino_options(threads, is_bf16, lines)), CPU]
    if provider in ("cpu", "openvino") or CUDA not in available:
        return [CPU]
    if provider == "auto" and not _has_driver():  # asking anyway prints red lines about missing libraries
        return [CPU]
    if hasattr(onnxruntime, "preload_dlls") and _has_driver():
        onnxruntime.preload_dlls()
    return [CUDA, CPU]


def _openvino_options(threads: int, is_bf16: bool, lines: int) -> dict[str, str]:
    """Said in any case: left to itself, OpenVINO may take bfloat16 without a word."""
    hints = {
        "INFERENCE_PRECISION_HINT": "bf16" if is_bf16 else "f32",
        "INFERENCE_NUM_THREADS": str(threads * lines),
        "NUM_STREAMS": str(lines),
    }
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": hints})}


def _has_driver() -> bool:
    """True where an NVIDIA driver may be: its device on Linux, that of WSL, or Windows."""
    return os.name == "nt" or any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))
