"""The networks without a server: bare onnxruntime (the floor), or the engine. A process that works on order.

The floor is what nobody can beat with these files: both graphs one after the other on arrays that lie ready.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from functools import cache
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.inference import manifest as manifests
from app.inference.manifest import Network
from app.inference.pipeline import Engine
from app.inference.sessions import usable_cores
from benchmarks.machine import ROOT
from benchmarks.pictures import busi_like
from benchmarks.worker import answer_orders
from imaging.picture import Picture
from imaging.preprocess import fit

Session = onnxruntime.InferenceSession


class Floor:
    """The two exported graphs in onnxruntime with nothing around them."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._manifest = manifests.read(ROOT / "models")

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Both networks on `batch` pictures, for `seconds`; `side_by_side` such lines with one thread each."""
        lines = order.get("side_by_side") or 1
        threads = 1 if order.get("side_by_side") else usable_cores()
        pairs = [self._pair(threads, line) for line in range(lines)]
        inputs = self._inputs(order["batch"])
        for pair in pairs:
            self._once(pair, inputs)
        taken: list[tuple[float, float]] = []
        started = time.perf_counter()
        end = started + order["seconds"]

        def work(pair: tuple[Session, Session]) -> None:
            while time.perf_counter() < end:
                taken.append(self._once(pair, inputs))

        running = [threading.Thread(target=work, args=(pair,)) for pair in pairs]
        for each in running:
            each.start()
        for each in running:
            each.join()
        return {
            "milliseconds": [first + second for first, second in taken],
            "stages": {"unet": [first for first, _ in taken], "efficientnetb3": [second for _, second in taken]},
            "pictures": order["batch"] * len(taken), "seconds": time.perf_counter() - started,
        }  # fmt: skip

    @cache  # noqa: B019 - lives as long as the process
    def _pair(self, threads: int, line: int) -> tuple[Session, Session]:
        manifest = self._manifest
        return self._session(manifest.segmentation, threads), self._session(manifest.classification, threads)

    def _session(self, network: Network, threads: int) -> Session:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # They spin, which is quicker where nothing else runs, but not on: both sessions' threads share the cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        providers = ["CPUExecutionProvider"]
        if self._provider == "cuda":
            onnxruntime.preload_dlls()
            exact = {"use_tf32": "0"}  # as the engine does
            return Session(str(network.path), options, providers=[("CUDAExecutionProvider", exact), *providers])
        return Session(str(network.path), options, providers=providers)

    @cache  # noqa: B019
    def _inputs(self, batch: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """uint8 `B x 1 x S x S` pictures, and uint8 `B x 3 x T x T` as if segmented."""
        large, small = self._manifest.segmentation.input_size, self._manifest.classification.input_size
        drawn = list(itertools.islice(itertools.cycle(busi_like()), batch))
        pictures = np.stack([fit(pixels, large)[0] for pixels in drawn])[:, None]
        segmented = np.stack([np.stack([fit(pixels, small)[0]] * 3) for pixels in drawn])
        return pictures, segmented

    @staticmethod
    def _once(
        pair: tuple[Session, Session], inputs: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    ) -> tuple[float, float]:
        started = time.perf_counter()
        pair[0].run(None, {"picture": inputs[0]})
        between = time.perf_counter()
        pair[1].run(None, {"segmented": inputs[1]})
        return (between - started) * 1000, (time.perf_counter() - between) * 1000


class Reading:
    """The engine as the server has it: decoded pictures in, findings out."""

    def __init__(self, provider: str) -> None:
        self._engine = Engine(ROOT / "models", provider)
        self._pictures = [Picture(pixels, "png") for pixels in busi_like()]

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Read `batch` pictures at a time, for `seconds`."""
        turns = itertools.cycle(self._pictures)
        milliseconds: list[float] = []
        stages: dict[str, list[float]] = {}
        self._engine.read(list(itertools.islice(turns, order["batch"])))
        started = time.perf_counter()
        while time.perf_counter() < started + order["seconds"]:
            batch, began = list(itertools.islice(turns, order["batch"])), time.perf_counter()
            found = self._engine.read(batch)
            milliseconds.append((time.perf_counter() - began) * 1000)
            for stage, spent in found[0].milliseconds.items():
                stages.setdefault(stage, []).append(spent)
        return {
            "milliseconds": milliseconds, "stages": stages, "pictures": order["batch"] * len(milliseconds),
            "seconds": time.perf_counter() - started, "provider": self._engine.provider,
        }  # fmt: skip


if __name__ == "__main__":
    part, wanted = sys.argv[1:]
    answer_orders({"floor": Floor, "engine": Reading}[part](wanted).run)
