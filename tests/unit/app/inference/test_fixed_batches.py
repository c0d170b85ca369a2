"""Runs in fixed buffers answer as plain runs do. Buffers on the CPU stand for a GPU's: the calls are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from app.inference import fixed_batches
from app.inference.fixed_batches import SIZES, FixedBatches, Unfit, next_size
from tests.factories.networks import SIZE, write_tiny_networks

CPU = ["CPUExecutionProvider"]


@pytest.fixture
def session(tmp_path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(write_tiny_networks(tmp_path) / "unet.onnx", providers=CPU)


def pictures(count: int) -> dict[str, NDArray[np.uint8]]:
    return {"picture": np.random.default_rng(count).integers(0, 256, (count, 1, SIZE, SIZE), dtype=np.uint8)}


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 4), (4, 4), (5, 16), (17, 32), (33, 32)])
def test_a_batch_takes_the_next_size(count: int, size: int) -> None:
    assert next_size(count) == size


@pytest.mark.parametrize("count", [1, 3, 4, 16, 17, 40, 65])
def test_a_batch_of_any_size_is_answered_as_by_a_plain_run(session: onnxruntime.InferenceSession, count: int) -> None:
    wanted = fixed_batches.plain_run(session, pictures(count), has_graphs=False)
    found = FixedBatches(session, "cpu").run(pictures(count))
    assert set(found) == {"probability", "class_logits", "activation"}
    for name, values in wanted.items():
        assert np.array_equal(found[name], values)


def test_buffers_stay_where_they_are_and_keep_nothing_of_the_batch_before(
    session: onnxruntime.InferenceSession,
) -> None:
    runs = FixedBatches(session, "cpu")
    first = runs.run(pictures(4))
    kept = {name: values.copy() for name, values in first.items()}
    places = {name: value.data_ptr() for name, value in runs._buffers[4].outputs.items()}
    second = runs.run(pictures(2))
    assert {name: value.data_ptr() for name, value in runs._buffers[4].outputs.items()} == places
    assert np.array_equal(runs._buffers[4].filled["picture"][2:], np.zeros((2, 1, SIZE, SIZE)))
    assert np.array_equal(second["probability"], pictures(2)["picture"])
    assert all(np.array_equal(first[name], kept[name]) for name in kept)  # an answer is not the buffer itself
    assert set(runs._buffers) == {4}


def test_runs_that_answer_otherwise_are_not_used(
    session: onnxruntime.InferenceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fixed_batches.plain_run

    def other(*arguments: Any) -> dict[str, NDArray[Any]]:
        answer = real(*arguments)
        return answer | {"probability": answer["probability"] ^ 64}

    monkeypatch.setattr(fixed_batches, "plain_run", other)
    with pytest.raises(Unfit):
        FixedBatches(session, "cpu").run(pictures(1))


def test_a_device_that_is_not_there_is_told(session: onnxruntime.InferenceSession) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here")
    with pytest.raises(Unfit):
        FixedBatches(session, "cuda").run(pictures(1))


def test_a_network_whose_picture_may_have_any_size_has_no_fixed_batches(session: onnxruntime.InferenceSession) -> None:
    shape = ["batch", 1, "height", "width"]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["canvas"], ["same"])], "any",
        [helper.make_tensor_value_info("canvas", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("same", TensorProto.UINT8, shape)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    other = onnxruntime.InferenceSession(model.SerializeToString(), providers=CPU)
    assert fixed_batches.is_fit(session)
    assert not fixed_batches.is_fit(other)


def test_the_sizes_hold_each_other() -> None:
    assert list(SIZES) == sorted(set(SIZES))
    assert SIZES[0] == 1
