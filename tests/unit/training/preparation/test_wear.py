"""Wear changes greys and moves nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from imaging.phantom import speckle
from training.preparation import wear

pytestmark = pytest.mark.training


@pytest.mark.parametrize("kind", wear.SHARES, ids=lambda kind: str(kind.__name__))
def test_each_kind_changes_the_picture_and_keeps_its_size_and_the_place_of_the_lesion(kind: wear.Wear) -> None:
    pixels = cv2.resize(speckle(3, "oval"), (160, 128), interpolation=cv2.INTER_AREA)
    for seed in range(5):
        changed = kind(pixels, np.random.default_rng(seed))
        assert changed.shape == pixels.shape
        assert changed.dtype == np.uint8
        assert not np.array_equal(changed, pixels)
        (across, down), _ = cv2.phaseCorrelate(pixels.astype(np.float64), changed.astype(np.float64))
        assert max(abs(across), abs(down)) < 0.5


def test_the_same_generator_gives_the_same_wear_and_the_next_draw_another() -> None:
    batch = torch.rand(3, 1, 64, 64)
    generator = torch.Generator().manual_seed(1)
    first, second = wear.worn(batch, generator), wear.worn(batch, generator)
    assert torch.equal(first, wear.worn(batch, torch.Generator().manual_seed(1)))
    assert not torch.equal(first, second)
    assert first.shape == batch.shape
    assert 0 <= float(first.min()) <= float(first.max()) <= 1


def test_no_picture_knows_its_class_by_its_wear() -> None:
    """Each picture of a batch is drawn for on its own, by place in the batch and nothing else."""
    grey = torch.full((200, 1, 64, 64), 0.5)
    changed = (wear.worn(grey, torch.Generator().manual_seed(2)) - grey).abs().flatten(1).max(dim=1).values > 0.01
    assert 0.4 < float(changed.float().mean()) < 1.0
    assert abs(float(changed[:100].float().mean()) - float(changed[100:].float().mean())) < 0.25
