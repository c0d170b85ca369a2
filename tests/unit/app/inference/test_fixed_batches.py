"""Batches of fixed sizes answer as plain runs do. Buffers on the CPU stand for a GPU's: the calls are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from app.inference import fixed_batches
from app.inference.fixed_batches import FixedBatches, next_size
from tests.factories.networks import SIZE, write_tiny_networks

CPU = ["CPUExecutionProvider"]
Session = onnxruntime.InferenceSession
Opens = Callable[[int, bool], Session]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_tiny_networks(tmp_path) / "unet.onnx"


@pytest.fixture
def session(network: Path) -> Session:
    return Session(network, providers=CPU)


@pytest.fixture
def opens(network: Path) -> Opens:
    """A session for one size of the batch; graphs are a GPU's, so it has none in any case."""

    def open_one(size: int, has_graph: bool) -> Session:
        options = onnxruntime.SessionOptions()
        options.add_free_dimension_override_by_name("batch", size)
        return Session(network, options, providers=CPU)

    return open_one


def pictures(count: int) -> dict[str, NDArray[np.uint8]]:
    return {"picture": np.random.default_rng(count).integers(0, 256, (count, 1, SIZE, SIZE), dtype=np.uint8)}


class Stale:
    """A session whose graph is repeated without reading its inputs anew."""

    def __init__(self, real: Session) -> None:
        self._real, self._ran = real, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def run_with_iobinding(self, binding: Any) -> None:
        if not self._ran:
            self._real.run_with_iobinding(binding)
        self._ran = True


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 4), (4, 4), (5, 16), (17, 32), (33, 32)])
def test_a_batch_takes_the_next_size(count: int, size: int) -> None:
    assert next_size(count) == size


@pytest.mark.parametrize("has_graphs", [False, True])
@pytest.mark.parametrize("count", [1, 3, 4, 17, 40, 65])
def test_a_batch_of_any_size_is_answered_as_by_a_plain_run(
    session: Session, opens: Opens, count: int, has_graphs: bool
) -> None:
    wanted = fixed_batches.plain_run(session, pictures(count))
    runs = FixedBatches(opens, has_graphs, "cpu")
    found = runs.run(pictures(count))
    assert set(found) == {"probability", "class_logits", "activation"}
    for name, values in wanted.items():
        assert np.array_equal(found[name], values)
    assert set(runs.kinds.values()) == {"graph" if has_graphs else "plain"}


@pytest.mark.parametrize("has_graphs", [False, True])
def test_nothing_of_the_batch_before_is_left(opens: Opens, has_graphs: bool) -> None:
    runs = FixedBatches(opens, has_graphs, "cpu")
    first = runs.run(pictures(4))
    kept = {name: values.copy() for name, values in first.items()}
    second = runs.run(pictures(3))
    assert np.array_equal(second["probability"], pictures(3)["picture"])
    assert all(np.array_equal(first[name], kept[name]) for name in kept)  # an answer is not the buffer itself
    assert list(runs.kinds) == [4]


def test_a_session_is_opened_once_for_each_size(opens: Opens) -> None:
    opened: list[int] = []

    def counted(size: int, has_graph: bool) -> Session:
        opened.append(size)
        return opens(size, has_graph)

    runs = FixedBatches(counted)
    for count in (1, 4, 2, 1, 3):
        runs.run(pictures(count))
    assert opened == [1, 4]


def test_a_graph_that_answers_with_what_it_was_made_from_is_found_out(opens: Opens) -> None:
    def stale(size: int, has_graph: bool) -> Any:
        return Stale(opens(size, has_graph)) if has_graph else opens(size, has_graph)

    runs = FixedBatches(stale, has_graphs=True, device="cpu")
    assert np.array_equal(runs.run(pictures(2))["probability"], pictures(2)["picture"])
    assert runs.kinds == {4: "plain"}


class Full:
    """A session that can be opened, and has no room to run."""

    def __init__(self, real: Session) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def run(self, *_: Any) -> Any:
        raise RuntimeError("CUDA failure 2: out of memory")


def test_a_size_that_there_is_no_room_for_is_run_in_parts(opens: Opens) -> None:
    def nearly_full(size: int, has_graph: bool) -> Any:
        return Full(opens(size, has_graph)) if size > 4 else opens(size, has_graph)

    runs = FixedBatches(nearly_full, has_graphs=True, device="cpu")
    assert np.array_equal(runs.run(pictures(18))["probability"], pictures(18)["picture"])
    assert runs.kinds == {4: "graph", 16: "parts", 32: "parts"}
    assert not runs.is_preparing


def test_a_gpu_without_room_for_one_picture_is_told(opens: Opens) -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        FixedBatches(lambda size, has: Full(opens(size, has))).run(pictures(1))


def test_a_network_whose_picture_may_have_any_size_is_not_fit(session: Session) -> None:
    shape = ["batch", 1, "height", "width"]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["canvas"], ["same"])], "any",
        [helper.make_tensor_value_info("canvas", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("same", TensorProto.UINT8, shape)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    assert fixed_batches.is_fit(session)
    assert not fixed_batches.is_fit(Session(model.SerializeToString(), providers=CPU))
