"""What onnxruntime's own options bring on this CPU: `python -m benchmarks.questions.session_options`.

Prints, for each network and option, how long it takes to open and to read one picture (medians of turns in one
process): as served; the optimised graph read back from a file, as ONNX and in onnxruntime's own format; with IOBinding;
with the batch fixed at one.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.inference import manifest as manifests
from app.inference.manifest import Network
from app.inference.sessions import sharing, usable_cores
from benchmarks.machine import ROOT

OPENINGS, READINGS = 5, 60
Session = onnxruntime.InferenceSession
Level = onnxruntime.GraphOptimizationLevel


def main() -> None:
    """Measure both networks and print a table of Markdown."""
    manifest = manifests.read(ROOT / "models")
    print("| network | option | opening, ms | one picture, ms |\n| --- | --- | --- | --- |")
    for network in (manifest.segmentation, manifest.classification):
        with tempfile.TemporaryDirectory(prefix="sonotriage-bench-") as folder:
            for name, opening_ms, reading_ms in measured(network, Path(folder)):
                print(f"| {network.name} | {name} | {opening_ms:.0f} | {reading_ms:.1f} |")


def measured(network: Network, folder: Path) -> list[tuple[str, float, float]]:
    """Option, median milliseconds of an opening, and of a reading, in turns."""
    openings = openings_of(network.path, folder)
    opened, taken_to_open = {}, {}
    for name, opening in openings.items():
        times = []
        for _ in range(OPENINGS):
            started = time.perf_counter()
            opened[name] = opening()
            times.append((time.perf_counter() - started) * 1000)
        taken_to_open[name] = statistics.median(times)
    runs = {name: plain_run(session) for name, session in opened.items()}
    runs["IOBinding"], taken_to_open["IOBinding"] = bound_run(opened["as served"]), taken_to_open["as served"]
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(READINGS + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn:  # the first round warms up
                taken[name].append((time.perf_counter() - started) * 1000)
    return [(name, taken_to_open[name], statistics.median(times)) for name, times in taken.items()]


def openings_of(path: Path, folder: Path) -> dict[str, Callable[[], Session]]:
    """Ways to open a network, by name; the files of the optimised graph are written here."""
    as_onnx, as_ort = folder / "optimised.onnx", folder / "optimised.ort"
    for file, kind in ((as_onnx, "ONNX"), (as_ort, "ORT")):
        writing = options()
        writing.optimized_model_filepath = str(file)
        writing.add_session_config_entry("session.save_model_format", kind)
        session(path, writing)
    ready = options()
    ready.graph_optimization_level = Level.ORT_DISABLE_ALL
    fixed = options()
    fixed.add_free_dimension_override_by_name("batch", 1)
    return {
        "as served": lambda: session(path, options()),
        "threads that spin": lambda: session(path, options({"session.intra_op.allow_spinning": "1"})),
        "optimised graph from a file": lambda: session(as_onnx, ready),
        "the same in onnxruntime's format": lambda: session(as_ort, options()),
        "batch fixed at one": lambda: session(path, fixed),
    }


def options(others: Mapping[str, str] | None = None) -> onnxruntime.SessionOptions:
    """As `app/inference/sessions.py` sets them on a CPU, but for `others`."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = usable_cores()
    for entry, value in (sharing(usable_cores()) | dict(others or {})).items():
        chosen.add_session_config_entry(entry, value)
    chosen.graph_optimization_level = Level.ORT_ENABLE_ALL
    chosen.log_severity_level = 3  # it warns that an optimised graph fits this kind of processor only
    return chosen


def session(path: Path, chosen: onnxruntime.SessionOptions) -> Session:
    """A session on the CPU."""
    return Session(str(path), chosen, providers=["CPUExecutionProvider"])


def picture_for(opened: Session) -> tuple[str, NDArray[np.uint8]]:
    """Name and uint8 noise for the network's only input, a batch of one."""
    wanted = opened.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in wanted.shape]
    return wanted.name, np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def plain_run(opened: Session) -> Callable[[], object]:
    """One reading, arrays in and out."""
    name, picture = picture_for(opened)
    return lambda: opened.run(None, {name: picture})


def bound_run(opened: Session) -> Callable[[], object]:
    """One reading from and into memory that is kept."""
    name, picture = picture_for(opened)
    binding = opened.io_binding()
    for output in opened.get_outputs():
        binding.bind_output(output.name)

    def run() -> None:
        binding.bind_cpu_input(name, picture)
        opened.run_with_iobinding(binding)

    return run


if __name__ == "__main__":
    main()
