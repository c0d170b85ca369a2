"""From network logits to probabilities that mean what they say. Training fits these numbers, serving applies them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
NEVER = 1.01  # a limit that no probability and no certainty reaches


@dataclass(frozen=True)
class Scaling:
    """How the logits of both networks become probabilities.

    The U-Net has a small head of its own that judges the classes from the whole picture; the classifier sees the
    segmented lesion. Their logits are added, the U-Net's with `unet_weight`, and then scaled; all three parameters are
    fitted together on pictures that trained neither.
    """

    temperature: float
    unet_weight: float
    bias: tuple[float, ...]

    def probabilities(self, logits: NDArray[np.floating], unet_logits: NDArray[np.floating]) -> Scores:
        """float64 `N x 3`, rows sum to 1, from float `N x 3` logits of the classifier and of the U-Net."""
        combined = logits.astype(np.float64) + self.unet_weight * unet_logits.astype(np.float64)
        return calibrated(combined, self.temperature, self.bias)


def calibrated(logits: NDArray[np.floating], temperature: float, bias: tuple[float, ...]) -> Scores:
    """Temperature scaling with a bias per class: softmax(logits / temperature + bias).

    Guo et al. 2017, "On Calibration of Modern Neural Networks"; the bias corrects for classes that were drawn more
    often in training than they occur.

    Args:
        logits: float `N x 3`. bias: one number per class.

    Returns:
        float64 `N x 3`, rows sum to 1.
    """
    scaled = logits.astype(np.float64) / temperature + np.asarray(bias, dtype=np.float64)
    scaled -= scaled.max(axis=1, keepdims=True)
    exponentials = np.exp(scaled)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def rescaled(scores: Scores, factor: float, bias: tuple[float, ...]) -> Scores:
    """Calibrated probabilities at `factor` times their temperature: softmax((log p - bias) / factor + bias).

    log p differs from logits / temperature + bias by a constant per row, which softmax does not see.

    Args:
        scores: float64 `N x 3`, rows sum to 1. bias: the one they were calibrated with.
    """
    return calibrated(np.log(scores + 1e-12) - np.asarray(bias), factor, bias)


def plausible_classes(probabilities: Scores, limits: tuple[float, ...]) -> list[int]:
    """The conformal set of one picture: classes at or above their limit, most probable first, never empty.

    Class-conditional split conformal prediction (Vovk 2012; Angelopoulos and Bates 2021, section 4): the limit of a
    class is the quantile of its own probability on held-out pictures of that class.

    Args:
        probabilities: float `3`. limits: least probability per class.
    """
    order = [int(index) for index in np.argsort(-probabilities)]
    kept = [index for index in order if probabilities[index] >= limits[index]]
    return kept or order[:1]


def conformal_limits(probabilities: Scores, labels: NDArray[np.int64], coverage: float) -> tuple[float, ...]:
    """Least probability per class so that held-out pictures of the class are in its set with this coverage.

    Args:
        probabilities: float `N x 3`, calibrated; labels: int `N`; coverage in 0..1.
    """
    limits = []
    for index in range(probabilities.shape[1]):
        own = np.sort(probabilities[labels == index, index])
        rank = int(np.floor((own.size + 1) * (1 - coverage) + 1e-9))  # 10 * (1 - 0.9) is 0.9999999999999998
        limits.append(float(own[rank - 1]) if rank >= 1 and own.size else 0.0)
    return tuple(limits)


def threshold_for(scores: NDArray[np.float64], is_case: NDArray[np.bool_], sensitivity: float) -> float:
    """The highest threshold at which at least this share of the cases lies at or above it.

    Args:
        scores: float64 `N`; is_case: bool `N`, at least one True; sensitivity in 0..1.
    """
    own = np.sort(scores[is_case])
    missed = int(np.floor(own.size * (1 - sensitivity)))
    return float(own[missed])


def calibration_error(scores: Scores, labels: NDArray[np.int64], bins: int = 10) -> float:
    """Expected calibration error of the leading class, equal-width bins (Naeini et al. 2015)."""
    confidence = scores.max(axis=1)
    is_right = scores.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        (place == index).mean() * abs(is_right[place == index].mean() - confidence[place == index].mean())
        for index in range(bins)
        if (place == index).any()
    ]
    return float(sum(gaps))
