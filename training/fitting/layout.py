"""Trains the layout network on drawn arrangements of real images: `python -m training.questions.layout` calls it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from tqdm import tqdm

from imaging.layout.arrangement import shown
from imaging.preprocess import Grey
from training.networks.layout_net import LayoutNet
from training.preparation.arranged import SIDE, draw

BATCH, LEARNING_RATE, DECAY = 48, 4e-3, 1e-3
MOST_KEPT = 0.995  # of the moving average of the weights
WORKERS = 2

Example = tuple[torch.Tensor, torch.Tensor]


class _Drawn(IterableDataset[Example]):
    """An endless stream of examples; each worker draws its own."""

    def __init__(self, hospitals: Sequence[Sequence[Grey]], seed: int) -> None:
        self._hospitals, self._seed = hospitals, seed

    def __iter__(self) -> Iterator[Example]:
        cv2.setNumThreads(1)
        worker = get_worker_info()
        random = np.random.default_rng((self._seed, worker.id if worker else 0))
        while True:
            pixels, kinds = draw(self._hospitals, random)
            yield torch.from_numpy(pixels)[None], torch.tensor(kinds, dtype=torch.float32)


def train(hospitals: Sequence[Sequence[Grey]], draws: int, seed: int = 0) -> LayoutNet:
    """A network that has seen so many drawn examples of the hospitals' images, uint8 `H x W` without margins."""
    torch.manual_seed(seed)
    network, averaged = LayoutNet(), LayoutNet()
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=DECAY)
    steps = draws // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps, pct_start=0.15)
    examples = iter(DataLoader(_Drawn(hospitals, seed), batch_size=BATCH, num_workers=WORKERS))
    for step in tqdm(range(steps), desc="layout", mininterval=20):
        pictures, kinds = next(examples)
        loss = binary_cross_entropy_with_logits(network(pictures), kinds)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        _average(averaged, network, min(MOST_KEPT, (step + 1) / (step + 10)))
    return averaged.eval()


@torch.no_grad()
def _average(averaged: LayoutNet, network: LayoutNet, kept: float) -> None:
    for mean, value in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.mul_(kept).add_(value, alpha=1 - kept)
        else:
            mean.copy_(value)


@torch.no_grad()
def logits(network: LayoutNet, pictures: Sequence[Grey], batch: int = 64) -> NDArray[np.float32]:
    """float32 `N x 3` in the order of `KINDS`, of images uint8 `H x W` without margins."""
    seen = [torch.from_numpy(shown(pixels, SIDE)) for pixels in pictures]
    parts = [network(torch.cat(seen[start : start + batch])) for start in range(0, len(seen), batch)]
    return torch.cat(parts).numpy()
