"""What was kept is used again only by what it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from training.datasets.sample import LABELS, Sample
from training.figures import evaluate
from training.fitting import loop
from training.fitting.pipeline import Trained
from training.fitting.predict import Predictions
from training.preparation.packing import Packed
from training.preparation.provenance import fingerprint, weights_sha256

pytestmark = pytest.mark.training

PART: dict[str, Any] = {
    "stages": [{"size": 2, "epochs": 1}], "draws_per_epoch": 4, "batch_size": 2, "learning_rate": 0.01,
    "weight_decay": 0.0, "average_decay": 0.9, "sampling": {"busi": {"benign": 1.0}},
}  # fmt: skip


def train(folder: Path, origin: list[str], seed: int = 1, **changes: Any) -> nn.Module:
    packed = Packed(np.ones((4, 1, 2, 2), np.uint8), np.zeros(4, np.int64), [("busi", "benign")] * 4)

    def step(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        return network(inputs.float().flatten(1)).mean()

    return loop.fit_network(nn.Linear(4, 1), PART | changes, lambda size: packed, step, folder, seed, origin)


def test_the_same_training_is_taken_up_again_with_the_commit_at_which_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "commit", lambda: "first")
    first = weights_sha256(train(tmp_path, ["busi/a"]))
    monkeypatch.setattr(loop, "commit", lambda: "second")
    assert weights_sha256(train(tmp_path, ["busi/a"])) == first
    assert loop.trained_at(tmp_path) == "first"


@pytest.mark.parametrize(
    "other", [{"origin": ["busi/b"]}, {"origin": ["busi/a"], "seed": 2}, {"origin": ["busi/a"], "average_decay": 0.5}]
)
@pytest.mark.parametrize("left", ["checkpoint.pt", "averaged.pt"])
def test_another_pictures_seed_or_recipe_is_refused_by_the_folders_name(
    tmp_path: Path, other: dict[str, Any], left: str
) -> None:
    train(tmp_path, ["busi/a"])
    for name in {"checkpoint.pt", "averaged.pt"} - {left}:
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"{tmp_path.name} holds a network .* delete .* --runs"):
        train(tmp_path, **other)


def test_a_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2]}, 3) == fingerprint({"b": [2], "a": 1}, 3)
    assert fingerprint({"a": 1}, 3) != fingerprint({"a": 1}, 4)


def samples(count: int) -> list[Sample]:
    return [Sample(str(n), "busi", LABELS[n % 3], 0, str(n), Path("none"), ()) for n in range(count)]


def test_predictions_of_other_networks_or_pictures_are_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def predict(
        trained: Trained, recipe: dict[str, Any], chosen: list[Sample], has_distances: bool = True
    ) -> Predictions:
        asked.append(len(chosen))
        return Predictions(chosen, *(np.ones((len(chosen), 3), np.float32) for _ in evaluate.ARRAYS))

    monkeypatch.setattr(evaluate, "predict", predict)
    path = tmp_path / "predictions-test.npz"
    one, other = (Trained(nn.Linear(2, 2), nn.Linear(2, 2), 0, 0, ()) for _ in range(2))
    evaluate._predicted(one, {}, samples(3), path)
    evaluate._predicted(one, {}, samples(3), path)
    assert asked == [3]
    evaluate._predicted(other, {}, samples(3), path)
    evaluate._predicted(other, {}, samples(4), path)
    assert asked == [3, 3, 4]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with pytest.raises(ValueError, match="other pictures"):
        evaluate.kept_predictions(samples(3), path)
