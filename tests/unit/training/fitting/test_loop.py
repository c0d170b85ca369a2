"""What the training loop does to every network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from training.fitting import loop
from training.preparation.packing import Packed

pytestmark = pytest.mark.training


@pytest.mark.parametrize(("groups", "kept_in"), [(8, torch.float32), (1, torch.bfloat16)])
def test_on_the_cpu_grouped_convolutions_alone_stay_in_float32(groups: int, kept_in: torch.dtype) -> None:
    layer, pixels = nn.Conv2d(8, 8, 5, groups=groups), torch.rand(2, 8, 9, 9, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16), loop._DepthwiseInFull():
        maps = layer(pixels.to(torch.bfloat16))
    assert maps.dtype == kept_in
    maps.float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32


def test_what_a_grouped_convolution_gives_is_what_it_gives_without_mixed_precision() -> None:
    layer, pixels = nn.Conv2d(8, 8, 5, groups=8), torch.rand(2, 8, 9, 9)
    with torch.autocast("cpu", torch.bfloat16), loop._DepthwiseInFull():
        mixed = layer(pixels)
    torch.testing.assert_close(mixed, layer(pixels))


PART = {
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "average_decay": 0.9,
    "stages": [{"size": 8, "epochs": 3}],
    "draws_per_epoch": 8,
    "batch_size": 4,
    "sampling": {"busi": {"benign": 0.5, "normal": 0.5}},
}


def tiny_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def pack_at(size: int) -> Packed:
    inputs = np.random.default_rng(0).integers(0, 255, (12, 1, size, size), dtype=np.uint8)
    labels = np.tile(np.asarray([0, 2], dtype=np.int64), 6)
    return Packed(inputs, labels, [("busi", "benign"), ("busi", "normal")] * 6)


def trained_in(folder: Path, epochs_until_interrupted: int | None = None) -> nn.Module:
    """Three epochs; interrupted, as by a kill, in the first step after so many."""
    steps = 0

    def step(
        network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if epochs_until_interrupted is not None and steps > 2 * epochs_until_interrupted:
            raise KeyboardInterrupt
        return functional.cross_entropy(network(inputs.float() / 255).float(), labels)

    return loop.fit_network(tiny_network(), PART, pack_at, step, folder, 1, origin="a test")


def epochs_logged(folder: Path) -> list[str]:
    return [line.split(",")[0] for line in (folder / "history.csv").read_text().splitlines()[1:]]


def test_an_interrupted_training_ends_with_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    whole = trained_in(tmp_path / "whole")
    for _ in range(2):  # each attempt saves one more epoch
        with pytest.raises(KeyboardInterrupt):
            trained_in(tmp_path / "interrupted", epochs_until_interrupted=1)
    resumed = trained_in(tmp_path / "interrupted")
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, msg=name)
    assert epochs_logged(tmp_path / "interrupted") == epochs_logged(tmp_path / "whole") == ["1", "2", "3"]


def test_an_epoch_that_was_logged_but_not_saved_stands_in_the_curve_once(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained_in(tmp_path, epochs_until_interrupted=1)
    with (tmp_path / "history.csv").open("a") as file:
        file.write("2,8,0.5,1.0\n")
    trained_in(tmp_path)
    assert epochs_logged(tmp_path) == ["1", "2", "3"]


def test_a_finished_network_is_read_without_its_checkpoint_and_without_training(tmp_path: Path) -> None:
    first = trained_in(tmp_path)
    (tmp_path / "checkpoint.pt").unlink()
    again = trained_in(tmp_path, epochs_until_interrupted=0)
    assert not again.training
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, msg=name)


def test_a_finished_network_of_another_training_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    trained_in(tmp_path)
    (tmp_path / "checkpoint.pt").unlink()
    with pytest.raises(ValueError, match="was trained otherwise"):
        loop.fit_network(tiny_network(), PART, pack_at, pytest.fail, tmp_path, 2, origin="a test")
