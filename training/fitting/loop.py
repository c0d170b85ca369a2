"""The one training loop: every network of every recipe goes through it. Resumable after any epoch."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.overrides import TorchFunctionMode
from tqdm import tqdm

from training.preparation.packing import Packed
from training.preparation.provenance import commit, fingerprint

Step = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]
PackAt = Callable[[int], Packed]
Mark = dict[str, str]  # fingerprint of a training, and the commit at which it began

STATISTICS_BATCHES = 60  # about a thousand pictures: more changes the statistics by less than their noise
SHOWN_EVERY = 10  # batches


class _DepthwiseInFull(TorchFunctionMode):
    """Runs grouped convolutions in float32: on CPUs their bfloat16 gradients take five times as long.

    Measured on 5x5 depthwise layers of EfficientNets with PyTorch 2 and AVX-512; a whole step takes at least a quarter
    less time.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        is_grouped = func is torch.conv2d and len(args) == 7 and args[6] > 1
        if not (is_grouped and args[0].device.type == "cpu"):
            return func(*args, **(kwargs or {}))
        with torch.autocast("cpu", enabled=False):
            return func(args[0].float(), *args[1:])


def _knows_bfloat16() -> bool:
    """Whether mixed precision saves time: a CPU without such instructions imitates them in twice the time."""
    return device().type == "cuda" or torch.cpu._is_avx512_bf16_supported()


def device() -> torch.device:
    """The GPU when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit_network(
    network: nn.Module, part: dict[str, Any], pack_at: PackAt, step: Step, folder: Path, seed: int, origin: object
) -> nn.Module:
    """Train `network` as the recipe part says and return its averaged weights, ready for evaluation.

    Args:
        part: a recipe part: stages, draws_per_epoch, batch_size, learning_rate, weight_decay, average_decay, sampling.
        pack_at: gives the packed training pictures for an input size in pixels.
        step: loss of one batch (network, uint8 inputs `B x C x S x S`, labels `B`, random generator).
        folder: holds `checkpoint.pt` and `history.csv`; training goes on from the checkpoint where there is one.
        origin: what else decides the result, as JSON can hold it: the training pictures' names first of all.

    Raises:
        ValueError: the folder holds a network of another part, seed or origin.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = network.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    own = fingerprint(part, seed, origin)
    finished = _kept(folder / "averaged.pt", own)
    if finished is not None:
        network.load_state_dict(finished["network"])
        return network.eval()
    average = AveragedModel(network, multi_avg_fn=_averaging(part["average_decay"]))
    groups = _parameter_groups(network, part)
    optimiser = torch.optim.AdamW(groups, lr=part["learning_rate"], weight_decay=part["weight_decay"])
    sizes = [stage["size"] for stage in part["stages"] for _ in range(stage["epochs"])]
    steps_per_epoch = part["draws_per_epoch"] // part["batch_size"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in groups], total_steps=len(sizes) * steps_per_epoch + 1, pct_start=0.2
    )
    state = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    first, mark = _resume(state, folder, own)
    packed, packed_size = None, 0
    for epoch in range(first, len(sizes)):
        if packed is None or packed_size != sizes[epoch]:
            packed, packed_size = pack_at(sizes[epoch]), sizes[epoch]
        started = time.monotonic()
        loss = _epoch(
            network,
            average,
            optimiser,
            schedule,
            packed,
            part,
            step,
            seed + epoch,
            f"{folder.name} {epoch + 1}/{len(sizes)}",
        )
        _log(folder, epoch + 1, sizes[epoch], loss, time.monotonic() - started)
        _save(state, epoch + 1, mark, folder)
    return _finished(average, lambda: packed or pack_at(sizes[-1]), part, step, folder, seed, mark)


def _parameter_groups(network: nn.Module, part: dict[str, Any]) -> list[dict[str, Any]]:
    """All parameters, each with its learning rate: an encoder or trunk that is not new has one of its own."""
    if "encoder_learning_rate" not in part:
        return [{"params": list(network.parameters()), "lr": part["learning_rate"]}]
    is_encoder = {name: name.startswith(("encoder.", "trunk.")) for name, _ in network.named_parameters()}
    rates = {True: part["encoder_learning_rate"], False: part["learning_rate"]}
    return [
        {"params": [own for name, own in network.named_parameters() if is_encoder[name] == which], "lr": rate}
        for which, rate in rates.items()
    ]


def _averaging(decay: float) -> Callable[[list[torch.Tensor], list[torch.Tensor], torch.Tensor | int], None]:
    """Exponential moving average whose memory is short at first, so that nothing of the random start remains."""

    @torch.no_grad()
    def update(averages: list[torch.Tensor], current: list[torch.Tensor], count: torch.Tensor | int) -> None:
        kept = min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, current, 1 - kept)

    return update


def trained_at(folder: Path) -> str:
    """The commit at which the training of the network kept in `folder` began."""
    kept = torch.load(folder / "averaged.pt", map_location="cpu", mmap=True, weights_only=True)
    return str(kept["commit"])


def _finished(
    average: AveragedModel,
    pack: Callable[[], Packed],
    part: dict[str, Any],
    step: Step,
    folder: Path,
    seed: int,
    mark: Mark,
) -> nn.Module:
    """The averaged network with normalisation statistics of its own, made once and kept in `averaged.pt`.

    Averaged weights need statistics measured with them: those of the last weights, or an average of all that were,
    do not fit (Izmailov et al. 2018, section 3.2).
    """
    network: nn.Module = average.module
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over all batches
    _measure_statistics(network, pack(), part, step, seed)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    _write({**mark, "network": network.state_dict()}, folder / "averaged.pt")
    return network.eval()


@torch.no_grad()
def _measure_statistics(network: nn.Module, packed: Packed, part: dict[str, Any], step: Step, seed: int) -> None:
    network.train()
    generator = torch.Generator().manual_seed(seed)
    draws = STATISTICS_BATCHES * part["batch_size"]
    order = torch.multinomial(packed.draw_weights(part["sampling"]), draws, replacement=True, generator=generator)
    inputs, labels = _held(packed)
    for rows in tqdm(order.split(part["batch_size"]), desc="statistics", unit="batch", leave=False):
        step(network, inputs[rows.to(device())], labels[rows.to(device())], generator)


def _epoch(
    network: nn.Module,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    schedule: Any,
    packed: Packed,
    part: dict[str, Any],
    step: Step,
    seed: int,
    title: str,
) -> float:
    network.train()
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    weights = packed.draw_weights(part["sampling"])
    order = torch.multinomial(weights, part["draws_per_epoch"], replacement=True, generator=generator)
    inputs, labels = _held(packed)
    total, steps = torch.zeros((), device=device()), part["draws_per_epoch"] // part["batch_size"]
    bar = tqdm(range(steps), desc=title, unit="batch", mininterval=10)
    for index in bar:
        rows = order[index * part["batch_size"] : (index + 1) * part["batch_size"]].to(device())
        with torch.autocast(device().type, torch.bfloat16, enabled=_knows_bfloat16()), _DepthwiseInFull():
            loss = step(network, inputs[rows], labels[rows], generator)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        schedule.step()
        average.update_parameters(network)
        total += loss.detach()
        if index % SHOWN_EVERY == 0:  # a GPU is waited for each time
            bar.set_postfix(loss=f"{float(total) / (index + 1):.4f}", refresh=False)
    return float(total) / steps


def _held(packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
    """All inputs and labels on the device, where batches are drawn from them: under a gigabyte for our sets."""
    return torch.from_numpy(packed.inputs).to(device()), torch.from_numpy(packed.labels).to(device())


def _save(state: dict[str, Any], epoch: int, mark: Mark, folder: Path) -> None:
    snapshot = {name: part.state_dict() for name, part in state.items()}
    _write({**mark, **snapshot, "epoch": epoch}, folder / "checkpoint.pt")


def _write(content: dict[str, Any], path: Path) -> None:
    """Whole or not at all: an interrupted write leaves what was there."""
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    temporary.replace(path)


def _resume(state: dict[str, Any], folder: Path, own: str) -> tuple[int, Mark]:
    """Epochs already trained, and the mark of this training: its fingerprint and the commit at which it began."""
    snapshot = _kept(folder / "checkpoint.pt", own)
    if snapshot is None:
        return 0, {"fingerprint": own, "commit": commit()}
    for name, part in state.items():
        part.load_state_dict(snapshot[name])
    return int(snapshot["epoch"]), {"fingerprint": own, "commit": str(snapshot["commit"])}


def _kept(path: Path, own: str) -> dict[str, Any] | None:
    """What an earlier run of the same training kept in a file; None where there is no file.

    Raises:
        ValueError: it is of another training.
    """
    if not path.is_file():
        return None
    content: dict[str, Any] = torch.load(path, map_location=device(), weights_only=True)
    if content.get("fingerprint") != own:
        raise ValueError(
            f"{path.parent} holds a network that was trained otherwise (another recipe, seed, choice of pictures, or "
            "networks before it): delete that folder or choose another with --runs."
        )
    return content


def _log(folder: Path, epoch: int, size: int, loss: float, seconds: float) -> None:
    """Add an epoch to the curve. One that was logged but not saved before an interruption is trained again."""
    path = folder / "history.csv"
    rows = [["epoch", "size_px", "loss", "seconds"]]
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[:epoch]  # the heading and the epochs before this one
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([*rows, [epoch, size, f"{loss:.5f}", f"{seconds:.1f}"]])
    temporary.replace(path)
