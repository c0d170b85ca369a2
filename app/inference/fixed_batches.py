"""Runs batches at a few fixed sizes, which is what a GPU needs to be fast: a session for each size, opened once.

A GPU's libraries choose how to calculate for one size at a time, and choose anew when the size changes. So a batch is
filled up with black pictures to the next of four sizes, and each size has a session of its own, where it is a constant.
A session with CUDA graphs repeats all launches of a run with one call, out of buffers that stay where they are. If that
goes wrong it goes wrong silently, so such runs are compared with plain ones before they are used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

SIZES = (1, 4, 16, 32)
_TOLERANCE, _GREY_TOLERANCE = 1e-2, 1  # half precision rounds to a thousandth; a wrong buffer is far off

log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]
Opens = Callable[[int, bool], onnxruntime.InferenceSession]


class Unfit(Exception):
    """Runs with a CUDA graph answer otherwise than plain runs."""


def next_size(count: int) -> int:
    """The smallest of `SIZES` that holds `count` pictures; the largest where none does."""
    return next((size for size in SIZES if size >= count), SIZES[-1])


def is_fit(session: onnxruntime.InferenceSession) -> bool:
    """True when the batch is all that is open in the sizes of the inputs: then a size of the batch fixes them all."""
    return all(
        isinstance(first, str) and all(isinstance(size, int) for size in others)
        for first, *others in (given.shape for given in session.get_inputs())
    )


def plain_run(session: onnxruntime.InferenceSession, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    """Run one batch from arrays on this side into new ones."""
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, dict(inputs))
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


class FixedBatches:
    """Runs of one network. For one thread alone, always the same: a CUDA graph belongs to the thread that made it.

    Args:
        opens: gives a session of the network for one size of the batch, with or without CUDA graphs.
        has_graphs: try them.
        device: where the buffers of a graph lie: cuda, or cpu.
    """

    def __init__(self, opens: Opens, has_graphs: bool = False, device: str = "cuda") -> None:
        self._opens, self._device = opens, device
        self._wanted = ("graph", "plain") if has_graphs else ("plain",)
        self._runs: dict[int, Callable[[Arrays], Arrays]] = {}
        self.kinds: dict[int, str] = {}  # by size: graph, plain, or parts where there was no room for so many
        self.is_preparing = False

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """Run a batch of any size.

        Raises:
            Exception: of many types, as onnxruntime raises them; also where not even one picture can be run.
        """
        return self._in_parts(SIZES[-1], inputs)

    def close(self) -> None:
        """Let go of the sessions and of what they hold on the device."""
        self._runs.clear()

    def _in_parts(self, size: int, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """Run a batch in parts of at most so many."""
        count = len(next(iter(inputs.values())))
        parts = [
            self._run({name: values[start : start + size] for name, values in inputs.items()})
            for start in range(0, count, size)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _run(self, inputs: Arrays) -> Arrays:
        count = len(next(iter(inputs.values())))
        size = next_size(count)
        if size not in self._runs:
            self._prepare(size)
        found = self._runs[size]({name: _filled_up(values, size) for name, values in inputs.items()})
        return {name: values[:count] for name, values in found.items()}

    def _prepare(self, size: int) -> None:
        self.is_preparing = True
        try:
            self.kinds[size], self._runs[size] = self._prepared(size)
        finally:
            self.is_preparing = False

    def _prepared(self, size: int) -> tuple[str, Callable[[Arrays], Arrays]]:
        """The first way of running this size that does; a session that is open may still have no room to run."""
        for kind in self._wanted:
            try:
                return kind, self._repeated(size) if kind == "graph" else self._plain(size)
            except Exception as error:  # onnxruntime raises a dozen unrelated types
                if size == SIZES[0] and kind == self._wanted[-1]:
                    raise
                # what it says is of the network and of the specimen, never of what somebody sent
                log.error("a size of the batch can't run so", extra={"size": size, "kind": kind, "error": repr(error)})
        return "parts", partial(self._in_parts, SIZES[SIZES.index(size) - 1])

    def _plain(self, size: int) -> Callable[[Arrays], Arrays]:
        session = self._opens(size, False)
        plain_run(session, _specimen(session, 7))
        return partial(plain_run, session)

    def _repeated(self, size: int) -> Callable[[Arrays], Arrays]:
        """Runs with a CUDA graph, after three that answered as plain ones do.

        Each of them with other pictures than the one before: what is left of that would give it away.

        Raises:
            Unfit.
        """
        plain, session = self._opens(size, False), self._opens(size, True)
        specimens = [_specimen(session, seed) for seed in (7, 8)]
        wanted = [plain_run(plain, specimen) for specimen in specimens]
        buffers = _Buffers.of(session, specimens[0], wanted[0], self._device)
        for index in (0, 1, 0):
            if not _agree(wanted[index], buffers.run(session, specimens[index])):
                raise Unfit(f"run {index} of size {size}")
        return partial(buffers.run, session)


@dataclass(frozen=True)
class _Buffers:
    """Inputs and outputs of one batch size, on the device."""

    inputs: dict[str, onnxruntime.OrtValue]
    outputs: dict[str, onnxruntime.OrtValue]
    binding: onnxruntime.IOBinding

    @staticmethod
    def of(session: onnxruntime.InferenceSession, inputs: Arrays, outputs: Arrays, device: str) -> _Buffers:
        """Room for arrays like these."""
        taken, given = _values(inputs, device), _values(outputs, device)
        binding = session.io_binding()
        for name, value in taken.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in given.items():
            binding.bind_ortvalue_output(name, value)
        return _Buffers(taken, given, binding)

    def run(self, session: onnxruntime.InferenceSession, inputs: Arrays) -> Arrays:
        """Copy in, run, copy out. The copies keep Python's lock, unlike the run; they are small."""
        for name, values in inputs.items():
            self.inputs[name].update_inplace(np.ascontiguousarray(values))
        self.binding.synchronize_inputs()
        session.run_with_iobinding(self.binding)
        self.binding.synchronize_outputs()
        return {name: np.array(value.numpy()) for name, value in self.outputs.items()}


def _values(arrays: Arrays, device: str) -> dict[str, onnxruntime.OrtValue]:
    return {
        name: onnxruntime.OrtValue.ortvalue_from_shape_and_type(values.shape, values.dtype, device, 0)
        for name, values in arrays.items()
    }


def _filled_up(values: NDArray[Any], size: int) -> NDArray[Any]:
    if len(values) == size:
        return values
    filled = np.zeros((size, *values.shape[1:]), dtype=values.dtype)
    filled[: len(values)] = values
    return filled


def _specimen(session: onnxruntime.InferenceSession, seed: int) -> Arrays:
    """Grain of every grey in the shapes of the inputs of a session for one size; all are uint8."""
    random = np.random.default_rng(seed)
    return {given.name: random.integers(0, 256, given.shape, dtype=np.uint8) for given in session.get_inputs()}


def _agree(wanted: Arrays, found: Arrays) -> bool:
    """Equal but for rounding."""
    return all(
        np.allclose(
            values.astype(np.float32), found[name].astype(np.float32), rtol=_TOLERANCE,
            atol=_GREY_TOLERANCE if values.dtype == np.uint8 else _TOLERANCE,
        )
        for name, values in wanted.items()
    )  # fmt: skip
