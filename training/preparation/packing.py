"""Pictures and masks as arrays in memory, prepared by the serving code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.preprocess import fit
from training.datasets.sample import Sample

Stratum = tuple[str, str]  # source, label


@dataclass(frozen=True)
class Packed:
    """`inputs` uint8 `N x C x S x S`; `labels` int64 `N`; `strata` tells source and class of each row."""

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]
    strata: list[Stratum]

    def draw_weights(self, sampling: dict[str, dict[str, float]]) -> torch.Tensor:
        """A weight per row so that each stratum gets its share of the draws."""
        counts: dict[Stratum, int] = {}
        for stratum in self.strata:
            counts[stratum] = counts.get(stratum, 0) + 1
        shares = [sampling.get(source, {}).get(label, 0.0) / counts[source, label] for source, label in self.strata]
        return torch.tensor(shares, dtype=torch.float64)


def pack_for_segmentation(samples: list[Sample], size: int) -> Packed:
    """Letterboxed pictures (channel 0) and expert masks (channel 1, 0 or 255)."""
    inputs, labels, strata = [], [], []
    for sample in tqdm(samples, desc=f"packing {size} px", unit="picture", leave=False):
        pixels = sample.pixels()
        mask = sample.mask(*pixels.shape)
        picture, _ = fit(pixels, size)
        inputs.append(np.stack([picture, (fit(mask.astype(np.uint8) * 255, size)[0] >= 128).astype(np.uint8) * 255]))
        labels.append(sample.class_index)
        strata.append((sample.source, sample.label))
    return Packed(np.stack(inputs), np.asarray(labels, dtype=np.int64), strata)
