"""Fits on the tuning part what turns scores into answers: temperature and bias, conformal limits, thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from imaging.scores import Scores, calibrated, conformal_limits
from training.datasets.sample import LABELS
from training.predict import Predictions

COVERAGE = 0.90
WANTED_SENSITIVITY = 0.95  # on the tuning part; what the test part then shows is reported beside it
NOVELTY_PASS = 0.99  # share of real tuning pictures that the novelty limit lets through
COMPONENTS = 64

MALIGNANT = LABELS.index("malignant")


@dataclass(frozen=True)
class Novelty:
    """Distance of an embedding from the training pictures: within and beside their main directions.

    Mahalanobis distance in the leading principal components (Lee et al. 2018) plus the residual beside them (the idea
    of ViM, Wang et al. 2022), each divided by its mean over the training pictures.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]  # `D x K`, scaled so that a training picture has a mean squared length of K
    components: NDArray[np.float32]  # `D x K`, orthonormal
    residual_scale: float

    def score(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64 `N`: about 1 for a picture like those of the training, more for a stranger one."""
        centred = embeddings - self.mean
        within = np.square(centred @ self.directions).mean(axis=1)
        beside = centred - (centred @ self.components) @ self.components.T
        return np.asarray((within + np.square(beside).sum(axis=1) / self.residual_scale) / 2, dtype=np.float64)


@dataclass(frozen=True)
class Calibration:
    """All that serving needs to turn logits and embeddings into an answer."""

    temperature: float
    bias: tuple[float, ...]
    limits: tuple[float, ...]
    malignant_threshold: float
    novelty: Novelty
    novelty_limit: float

    def probabilities(self, predictions: Predictions) -> Scores:
        return calibrated(predictions.logits, self.temperature, self.bias)


def calibrate(tune: Predictions, train_embeddings: NDArray[np.float32]) -> Calibration:
    """Fit everything on the tuning part; the novelty's directions come from the training part."""
    weights = source_weights(tune)
    temperature, bias = fit_scaling(tune.logits, tune.labels, weights)
    scores = calibrated(tune.logits, temperature, bias)
    novelty = fit_novelty(train_embeddings)
    return Calibration(
        temperature,
        bias,
        conformal_limits(scores, tune.labels, COVERAGE),
        malignant_threshold(scores[:, MALIGNANT], tune.labels, WANTED_SENSITIVITY),
        novelty,
        float(np.quantile(novelty.score(tune.embeddings), NOVELTY_PASS)),
    )


def source_weights(predictions: Predictions) -> NDArray[np.float64]:
    """Each data set weighs the same, whatever its size: the larger one's case mix must not set the probabilities."""
    sources = np.asarray([sample.source for sample in predictions.samples])
    weights = np.zeros(len(sources))
    for source in np.unique(sources):
        weights[sources == source] = 1.0 / (sources == source).sum()
    return np.asarray(weights / weights.sum())


def fit_scaling(
    logits: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[float, tuple[float, ...]]:
    """Temperature and bias per class that minimise the weighted negative log likelihood."""

    def loss(parameters: NDArray[np.float64]) -> float:
        scores = calibrated(logits, float(np.exp(parameters[0])), tuple(parameters[1:]))
        own = scores[np.arange(len(labels)), labels]
        return float(-(weights * np.log(own + 1e-12)).sum() + 1e-3 * np.square(parameters[1:]).sum())

    best = minimize(loss, np.zeros(1 + len(LABELS)), method="L-BFGS-B")
    bias = best.x[1:] - best.x[1:].mean()
    return float(np.exp(best.x[0])), tuple(float(number) for number in bias)


def malignant_threshold(scores: NDArray[np.float64], labels: NDArray[np.int64], sensitivity: float) -> float:
    """The highest threshold at which at least this share of the malignant pictures lies at or above it."""
    own = np.sort(scores[labels == MALIGNANT])
    missed = int(np.floor(own.size * (1 - sensitivity)))
    return float(own[missed])


def fit_novelty(embeddings: NDArray[np.float32]) -> Novelty:
    """Principal components of the training embeddings, whitened."""
    mean = embeddings.mean(axis=0)
    centred = embeddings - mean
    _, spread, rows = np.linalg.svd(centred, full_matrices=False)
    count = min(COMPONENTS, len(spread) // 2)
    components = rows[:count].T
    deviation = spread[:count] / np.sqrt(len(embeddings))
    beside = centred - (centred @ components) @ components.T
    scale = float(np.square(beside).sum(axis=1).mean())
    return Novelty(mean, (components / deviation).astype(np.float32), components.astype(np.float32), max(scale, 1e-6))
