"""Runs at a few fixed batch sizes, in buffers that stay where they are: what a GPU needs to be fast.

A GPU's libraries choose their algorithms anew for each size they have not met, and a CUDA graph, which repeats all
launches of a run with one call, is bound to sizes and addresses. So a batch is filled up with black pictures to the
next of four sizes, copied into a buffer on the device, and what is found is copied back. Before a size is first used,
its answers are compared with those of a plain run: a driver or library on which the two differ gets plain runs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

SIZES = (1, 4, 16, 32)
_PLAIN, _FIRST_GRAPH = "-1", 1  # "gpu_graph_id" of a run: -1 is a run without a graph, others are graphs of their own
_SPECIMEN_SEED = 7
_TOLERANCE, _GREY_TOLERANCE = 1e-2, 1  # half precision rounds to a thousandth; a wrong buffer is far off

log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]


class Unfit(Exception):
    """Runs in fixed buffers fail here, or answer otherwise than plain runs."""


def next_size(count: int) -> int:
    """The smallest of `SIZES` that holds `count` pictures; the largest where none does."""
    return next((size for size in SIZES if size >= count), SIZES[-1])


def is_fit(session: onnxruntime.InferenceSession) -> bool:
    """True when the batch is all that is open in the sizes of the inputs: then a size of the batch fixes them all."""
    return all(
        not isinstance(first, int) and all(isinstance(size, int) for size in others)
        for first, *others in (given.shape for given in session.get_inputs())
    )


def plain_run(session: onnxruntime.InferenceSession, inputs: Mapping[str, NDArray[Any]], has_graphs: bool) -> Arrays:
    """Run one batch of any size, without buffers that stay and without a graph."""
    names = [output.name for output in session.get_outputs()]
    if not has_graphs:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))
    return dict(zip(names, session.run(names, dict(inputs), _options(_PLAIN)), strict=True))


class FixedBatches:
    """Runs of one session. Not for several threads at once: they would share the buffers.

    Args:
        session: one that `is_fit`.
        device: where the buffers lie: cuda, or cpu.
        has_graphs: the session was opened with CUDA graphs.
    """

    def __init__(self, session: onnxruntime.InferenceSession, device: str, has_graphs: bool = False) -> None:
        self._session, self._device, self._has_graphs = session, device, has_graphs
        self._buffers: dict[int, _Buffers] = {}

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """Run a batch of any size, in parts where it is larger than the largest of `SIZES`.

        Raises:
            Unfit: see there. Nothing is known against a plain run.
        """
        count = len(next(iter(inputs.values())))
        parts = [
            self._run({name: values[start : start + SIZES[-1]] for name, values in inputs.items()})
            for start in range(0, count, SIZES[-1])
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _run(self, inputs: Arrays) -> Arrays:
        count = len(next(iter(inputs.values())))
        size = next_size(count)
        if size not in self._buffers:
            self._buffers[size] = self._prepared(size)
        return self._buffers[size].run(self._session, inputs, count)

    def _prepared(self, size: int) -> _Buffers:
        """Buffers of one size, after two runs that answered as a plain one does: the second may repeat a graph."""
        specimen = _specimen(self._session, size)
        wanted = plain_run(self._session, specimen, self._has_graphs)
        try:
            graph = str(_FIRST_GRAPH + SIZES.index(size)) if self._has_graphs else None
            buffers = _Buffers.of(self._session, specimen, wanted, self._device, graph)
            agrees = all(_agree(wanted, buffers.run(self._session, specimen, size)) for _ in range(2))
        except Exception as error:  # onnxruntime raises a dozen unrelated types
            log.error("runs in fixed buffers fail", extra={"size": size, "error": type(error).__name__})
            raise Unfit from error
        if not agrees:
            log.error("runs in fixed buffers answer otherwise than plain ones", extra={"size": size})
            raise Unfit
        return buffers


@dataclass(frozen=True)
class _Buffers:
    """Inputs and outputs of one batch size, on the device; `filled` are the inputs on this side."""

    filled: Arrays
    inputs: dict[str, onnxruntime.OrtValue]
    outputs: dict[str, onnxruntime.OrtValue]
    binding: onnxruntime.IOBinding
    options: onnxruntime.RunOptions | None

    @staticmethod
    def of(
        session: onnxruntime.InferenceSession, inputs: Arrays, outputs: Arrays, device: str, graph: str | None
    ) -> _Buffers:
        """Room for arrays like these."""
        taken, given = _values(inputs, device), _values(outputs, device)
        binding = session.io_binding()
        for name, value in taken.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in given.items():
            binding.bind_ortvalue_output(name, value)
        filled = {name: np.zeros_like(values) for name, values in inputs.items()}
        return _Buffers(filled, taken, given, binding, None if graph is None else _options(graph))

    def run(self, session: onnxruntime.InferenceSession, inputs: Mapping[str, NDArray[Any]], count: int) -> Arrays:
        """Run `count` pictures; what lies behind them in the buffers is black."""
        for name, values in inputs.items():
            self.filled[name][:count], self.filled[name][count:] = values, 0
            self.inputs[name].update_inplace(self.filled[name])
        self.binding.synchronize_inputs()
        session.run_with_iobinding(self.binding, self.options)
        self.binding.synchronize_outputs()
        return {name: np.array(value.numpy()[:count]) for name, value in self.outputs.items()}


def _values(arrays: Arrays, device: str) -> dict[str, onnxruntime.OrtValue]:
    return {
        name: onnxruntime.OrtValue.ortvalue_from_shape_and_type(values.shape, values.dtype, device, 0)
        for name, values in arrays.items()
    }


def _options(graph: str) -> onnxruntime.RunOptions:
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("gpu_graph_id", graph)
    return options


def _specimen(session: onnxruntime.InferenceSession, size: int) -> Arrays:
    """Grain of every grey in the shapes of the inputs, which are all uint8."""
    random = np.random.default_rng(_SPECIMEN_SEED)
    shapes: dict[str, Sequence[int]] = {given.name: given.shape[1:] for given in session.get_inputs()}
    return {name: random.integers(0, 256, (size, *shape), dtype=np.uint8) for name, shape in shapes.items()}


def _agree(wanted: Arrays, found: Arrays) -> bool:
    """Equal but for rounding: one grey value of a mask, a hundredth of anything else."""
    return all(
        np.allclose(values, found[name], rtol=_TOLERANCE, atol=_GREY_TOLERANCE)
        if values.dtype == np.uint8
        else np.allclose(values, found[name], rtol=_TOLERANCE, atol=_TOLERANCE)
        for name, values in wanted.items()
    )
