"""Opens onnxruntime sessions: on the GPU when it really is there, else on the CPU, and says which it was."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from app.inference import fixed_batches, gpu
from app.inference.fixed_batches import FixedBatches
from app.inference.gpu import GpuOptions
from app.inference.manifest import ModelUnusable, Network

log = logging.getLogger(__name__)

CUDA, TENSORRT = gpu.CUDA, gpu.TENSORRT
OPENVINO, CPU = "OpenVINOExecutionProvider", "CPUExecutionProvider"
NAMES = gpu.NAMES | {OPENVINO: "OpenVINO", CPU: "CPU"}
FEW_CORES = 4
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
        provider: auto, cuda, tensorrt, openvino or cpu.
        threads: of one inference on the CPU; 0 takes the usable cores.
        is_bf16: let OpenVINO calculate in bfloat16, where the processor can.
        lines: how many threads of ours run it at once; OpenVINO has to know.
        options: how it may use a GPU.
        line: the thread that opens this, and alone runs what is on a GPU; None lets any thread run it.
    """

    def __init__(
        self,
        network: Network,
        provider: str,
        threads: int,
        is_bf16: bool = False,
        lines: int = 1,
        options: GpuOptions | None = None,
        line: ThreadPoolExecutor | None = None,
    ) -> None:
        self.network, self.threads = network, threads or usable_cores()
        self._is_bf16 = is_bf16 and has_bf16()
        self._options, self._line = options or GpuOptions(), line
        self._session: onnxruntime.InferenceSession | None = _open(
            network, provider, self.threads, self._is_bf16, lines, self._options
        )
        # What really runs: "CUDA", "TensorRT", "OpenVINO" or "CPU". `get_available_providers` names what is not there.
        self.provider = NAMES.get(self._session.get_providers()[0], "CPU")
        has_fixed = gpu.is_gpu(self.provider) and fixed_batches.is_fit(self._session)
        has_graphs = self._options.has_graphs and self.provider == gpu.NAMES[CUDA]
        self._fixed = FixedBatches(self._of_size, has_graphs) if has_fixed else None

    @property
    def precision(self) -> str:
        """The arithmetic that really runs: fp32, fp16 or bf16."""
        return "bf16" if self._is_bf16 and self.provider == "OpenVINO" else self.network.precision

    def shapes(self) -> tuple[dict[str, list[object]], dict[str, list[object]]]:
        """Sizes of all inputs and of all outputs by name; a size that is left open is a text."""
        inputs, outputs = self._opened().get_inputs(), self._opened().get_outputs()
        return {one.name: one.shape for one in inputs}, {one.name: one.shape for one in outputs}

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run one batch and return every output by its name."""
        if self._line is None or not gpu.is_gpu(self.provider):
            return self._run(inputs)
        return self._line.submit(self._run, inputs).result()

    def _run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if self._fixed is not None:
            return self._fixed.run(inputs)
        return fixed_batches.plain_run(self._opened(), inputs)

    def close(self) -> None:
        """Let go of all that is held on a GPU; what runs after that fails."""
        if self._fixed is not None:
            self._fixed.close()
        self._fixed = self._session = None

    @property
    def is_preparing(self) -> bool:
        """Whether it is being made ready for a size of the batch, which TensorRT takes minutes for."""
        return self._fixed is not None and self._fixed.is_preparing

    def kinds(self) -> dict[int, str]:
        """How batches of each size that came are run on a GPU; see `FixedBatches`."""
        return dict(self._fixed.kinds) if self._fixed else {}

    def _opened(self) -> onnxruntime.InferenceSession:
        if self._session is None:
            raise RuntimeError("this network was closed")
        return self._session

    def _of_size(self, size: int, has_graph: bool) -> onnxruntime.InferenceSession:
        """A session of the same network for one size of the batch, on the same GPU.

        Raises:
            ModelUnusable: there is none.
        """
        first = self._opened()
        options = _session_options(self.network, self.threads)
        options.add_free_dimension_override_by_name(first.get_inputs()[0].shape[0], size)
        name = first.get_providers()[0]
        wanted: list[Provider] = [TENSORRT, CUDA, CPU] if name == TENSORRT else [CUDA, CPU]
        found = _session(self.network, options, wanted, self._options, size, has_graph)
        if found.get_providers()[0] != name:
            raise ModelUnusable("gpu_missing", "The GPU can't be used for batches of this size.")
        return found


def has_bf16() -> bool:
    """True on a Linux processor that multiplies bfloat16 numbers itself."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not _BF16_FLAGS.isdisjoint(flags.split())


def _open(
    network: Network, provider: str, threads: int, is_bf16: bool, lines: int, gpu_options: GpuOptions
) -> onnxruntime.InferenceSession:
    options = _session_options(network, threads)
    wanted = _wanted(provider, threads, is_bf16, lines)
    if isinstance(wanted[0], tuple):
        # OpenVINO optimises by itself, and knows fewer of the operators that onnxruntime would make of the graph's.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4 if provider == "auto" else 3  # a missing GPU is told by the provider, not by noise
    try:
        session = _session(network, options, wanted, gpu_options)
    except ModelUnusable:
        if wanted == [CPU]:
            raise
        log.exception("provider can't be opened, trying the CPU", extra={"network": network.name})
        session = _session(network, options, [CPU], gpu_options)
    first = session.get_providers()[0]
    if provider == "cuda" and first != CUDA:
        raise ModelUnusable("gpu_missing", "The GPU was asked for (PROVIDER=cuda), but it can't be used.")
    if provider == "tensorrt" and first != TENSORRT:
        raise ModelUnusable("tensorrt_missing", "TensorRT was asked for (PROVIDER=tensorrt), but it can't be used.")
    if provider == "openvino" and first != OPENVINO:
        raise ModelUnusable("openvino_missing", "OpenVINO was asked for (PROVIDER=openvino), but can't be used.")
    log.info("network opened", extra={"network": network.name, "provider": first})
    return session


def sharing(threads: int) -> dict[str, str]:
    """How the threads of one inference on the CPU share the cores with others, as onnxruntime's configuration entries.

    A lone picture is looked at and written to disk while it is read. Threads that wait for each other asleep, not
    spinning, and take small shares of the work in turns, leave a core to that and are not held up by it (measured on
    two cores). On more than FEW_CORES they spin, as onnxruntime has it, but not on: each network has its own threads.
    """
    return {
        "session.intra_op.allow_spinning": "0" if threads <= FEW_CORES else "1",
        "session.force_spinning_stop": "1",
        "session.dynamic_block_base": "4",
    }


def _session_options(network: Network, threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    for entry, value in sharing(threads).items():
        options.add_session_config_entry(entry, value)
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(network.path.parent))
    return options


def _session(
    network: Network,
    options: onnxruntime.SessionOptions,
    wanted: list[Provider],
    gpu_options: GpuOptions,
    size: int = 0,
    has_graph: bool = False,
) -> onnxruntime.InferenceSession:
    content = network.checked()
    try:
        providers = _with_options(network, wanted, gpu_options, size, has_graph)
        # Without its own fallback, which goes on with the CPU for good and tells it to standard output alone.
        return onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=0)
    except Exception as error:  # onnxruntime raises a dozen unrelated types, for an unusable file and a full GPU alike
        raise ModelUnusable("model_bad", f"The network {network.name} can't be opened.") from error


def _with_options(
    network: Network, wanted: list[Provider], options: GpuOptions, size: int, has_graph: bool
) -> list[Provider]:
    """The providers with what each is told; one that is told nothing stays a name."""
    told = {}
    if CUDA in wanted:
        told[CUDA] = gpu.cuda_options(options, size, has_graph)
    if TENSORRT in wanted:
        told[TENSORRT] = gpu.tensorrt_options(options, network.sha256, size, network.precision == "fp16")
    return [_told(provider, told) for provider in wanted]


def _told(provider: Provider, told: Mapping[str, dict[str, str]]) -> Provider:
    return (provider, told[provider]) if isinstance(provider, str) and told.get(provider) else provider


def _wanted(provider: str, threads: int, is_bf16: bool, lines: int) -> list[Provider]:
    available = onnxruntime.get_available_providers()
    if provider in ("auto", "openvino") and OPENVINO in available:
        return [(OPENVINO, _openvino_options(threads, is_bf16, lines)), CPU]
    if provider in ("cpu", "openvino") or CUDA not in available:
        return [CPU]
    if not gpu.has_driver():  # asking anyway prints red lines about missing libraries
        return [CPU]
    gpu.preload()
    if provider == "tensorrt" and gpu.tensorrt_version() is not None:
        return [TENSORRT, CUDA, CPU]
    return [CUDA, CPU]


def _openvino_options(threads: int, is_bf16: bool, lines: int) -> dict[str, str]:
    """Said in any case: left to itself, OpenVINO may take bfloat16 without a word."""
    hints = {
        "INFERENCE_PRECISION_HINT": "bf16" if is_bf16 else "f32",
        "INFERENCE_NUM_THREADS": str(threads * lines),
        "NUM_STREAMS": str(lines),
    }
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": hints})}
