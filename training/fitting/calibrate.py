"""Fits on the tuning part what turns scores into answers: temperature and bias, conformal limits, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from imaging.statistics.scores import NEVER, Scaling, Scores, conformal_limits, threshold_for
from training.datasets.sample import LABELS
from training.fitting.predict import Predictions
from training.preparation.normals import SUFFIX

COVERAGE = 0.90
WANTED_SENSITIVITY = 0.95  # on the tuning part; what the test part then shows is reported beside it
OUT_OF_DISTRIBUTION_PASS = (
    0.99  # share of the tuning part, its lesion-free squares with it, that the limit lets through
)
COMPONENTS = 64

# The case mix that the probabilities refer to. Data sets mix their classes by what was collected, not by what occurs:
# BUS-BRA has no normals at all. So the mix is stated instead of inherited, and stands in the manifest.
CASE_MIX = {"benign": 0.5, "malignant": 0.3, "normal": 0.2}

MALIGNANT, NORMAL = LABELS.index("malignant"), LABELS.index("normal")


@dataclass(frozen=True)
class OutOfDistribution:
    """The out-of-distribution score: how far an embedding lies from those of the training pictures.

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
class Dropping:
    """When a mask is dropped: the classes speak for normal, and the U-Net is not certain of what it drew.

    Attributes:
        normal_limit: probability of normal at and above which a mask may be dropped, even where another class
            leads; above 1 none ever is.
        certain_outline: mean lesion probability in the largest part of the mask, 0..1, from which on it stays whatever
            the classes say; above 1 none is certain enough.
    """

    normal_limit: float
    certain_outline: float

    def applies(self, normal: NDArray[np.float64], certainty: NDArray[np.float64]) -> NDArray[np.bool_]:
        """bool `N`. Args: float64 `N` each."""
        return np.asarray((normal >= self.normal_limit) & (certainty < self.certain_outline))


@dataclass(frozen=True)
class Calibration:
    """All that serving needs to turn logits and embeddings into an answer."""

    scaling: Scaling
    limits: tuple[float, ...]
    malignant_threshold: float
    dropping: Dropping
    out_of_distribution: OutOfDistribution
    out_of_distribution_limit: float

    def probabilities(self, predictions: Predictions) -> Scores:
        return self.scaling.probabilities(predictions.logits, predictions.unet_logits)

    def is_cleared(self, predictions: Predictions) -> NDArray[np.bool_]:
        """Pictures whose mask is dropped."""
        return self.dropping.applies(self.probabilities(predictions)[:, NORMAL], predictions.certainty)


def calibrate(
    tune: Predictions,
    train_embeddings: NDArray[np.float32],
    case_mix: Mapping[str, float] = CASE_MIX,
    familiar: NDArray[np.float32] | None = None,
) -> Calibration:
    """Fit everything on the tuning part; the out-of-distribution score's directions come from the training part.

    Args:
        case_mix: share of each class among the pictures that the probabilities refer to.
        familiar: float32 `N x D`, embeddings of which that score's limit lets `OUT_OF_DISTRIBUTION_PASS` pass; by
            default those of the tuning part.
    """

    def fit(part: Predictions) -> Scaling:
        return fit_scaling(part.logits, part.unet_logits, part.labels, case_mix_weights(part.labels, case_mix))

    scaling = fit(tune)
    scores = scaling.probabilities(tune.logits, tune.unet_logits)
    distance = fit_out_of_distribution(train_embeddings)
    is_malignant = tune.labels == MALIGNANT
    return Calibration(
        scaling,
        _limits(unseen_scores(tune, fit), tune.labels),
        threshold_for(scores[:, MALIGNANT], is_malignant, WANTED_SENSITIVITY) if is_malignant.any() else NEVER,
        fit_dropping(scores[:, NORMAL], tune),
        distance,
        float(np.quantile(distance.score(tune.embeddings if familiar is None else familiar), OUT_OF_DISTRIBUTION_PASS)),
    )


def unseen_scores(tune: Predictions, fit: Callable[[Predictions], Scaling]) -> Scores:
    """float64 `N x 3`: each picture's probabilities by a scaling fitted without its fifth of the groups.

    Limits of scores that their own pictures helped to fit promise a coverage that unseen pictures do not reach.
    """
    order = {group: index for index, group in enumerate(np.random.default_rng(0).permutation(np.unique(tune.groups)))}
    part_of = np.asarray([order[group] % 5 for group in tune.groups])
    scores = np.empty((len(tune.labels), len(LABELS)))
    for part in np.unique(part_of):
        rows = part_of == part
        seen = tune.where(~rows) if not rows.all() else tune
        scores[rows] = fit(seen).probabilities(tune.logits[rows], tune.unet_logits[rows])
    return scores


def _limits(scores: Scores, labels: NDArray[np.int64]) -> tuple[float, ...]:
    """Conformal limits; a class that a recipe does not know is never in a set."""
    fitted = conformal_limits(scores, labels, COVERAGE)
    return tuple(limit if (labels == index).any() else NEVER for index, limit in enumerate(fitted))


def fit_dropping(scores: NDArray[np.float64], tune: Predictions) -> Dropping:
    """The limit of normal where the mean Dice is highest, then the lowest certainty that costs little.

    The mean is over the data sets that hold normals, each picture alike. On pictures like those trained on, certain
    masks need no protection; on those of an unseen hospital they do, and no tuning picture can show that. So it is
    as strong as it can be: the lowest certainty whose mean Dice stays within one standard error of the highest (the
    rule of Breiman et al. 1984, section 3.4.3, for choices that the data do not decide).

    Args:
        scores: float64 `N`, the probability of normal.
    """
    if not np.isfinite(tune.dice).any():  # a recipe that outlines nothing
        return Dropping(NEVER, NEVER)
    is_normal = tune.labels == NORMAL
    sources = np.asarray([sample.source.removesuffix(SUFFIX) for sample in tune.samples])
    is_used = np.isin(sources, np.unique(sources[is_normal]))

    def dice_with(rule: Dropping) -> NDArray[np.float64]:
        kept = np.where(rule.applies(scores, tune.certainty), is_normal.astype(np.float64), tune.dice)
        return kept[is_used] if is_used.any() else np.zeros(1)

    # down to 0.05: the best limit may lie below one third, where another class can lead
    limits = (Dropping(NEVER, NEVER), *(Dropping(step / 20, NEVER) for step in range(19, 0, -1)))
    best = max(limits, key=lambda rule: dice_with(rule).mean())
    if best.normal_limit == NEVER:  # there is nothing to keep from being dropped
        return best
    highest = dice_with(best)
    enough = highest.mean() - highest.std() / np.sqrt(len(highest))
    certainties = (step / 20 for step in range(10, 20))
    careful = (Dropping(best.normal_limit, certainty) for certainty in certainties)
    return next((rule for rule in careful if dice_with(rule).mean() >= enough), best)


def case_mix_weights(labels: NDArray[np.int64], case_mix: Mapping[str, float] = CASE_MIX) -> NDArray[np.float64]:
    """A weight per picture so that the classes count as in `case_mix`; classes that do not occur are left out."""
    weights = np.zeros(len(labels))
    for index, label in enumerate(LABELS):
        is_class = labels == index
        if is_class.any():
            weights[is_class] = case_mix[label] / is_class.sum()
    return np.asarray(weights / weights.sum())


def fit_scaling(
    logits: NDArray[np.float32],
    unet_logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    has_bias: bool = True,
) -> Scaling:
    """Temperature, weight of the U-Net's head and bias per class that minimise the weighted negative log likelihood."""

    def scaling(parameters: NDArray[np.float64]) -> Scaling:
        bias = has_bias * (parameters[2:] - parameters[2:].mean())
        return Scaling(
            float(np.exp(parameters[0])), float(np.exp(parameters[1])), tuple(float(number) for number in bias)
        )

    def loss(parameters: NDArray[np.float64]) -> float:
        own = scaling(parameters).probabilities(logits, unet_logits)[np.arange(len(labels)), labels]
        return float(-(weights * np.log(own + 1e-12)).sum() + 1e-3 * np.square(parameters).sum())

    return scaling(minimize(loss, np.zeros(2 + len(LABELS)), method="L-BFGS-B").x)


def fit_out_of_distribution(embeddings: NDArray[np.float32]) -> OutOfDistribution:
    """Principal components of the training embeddings, whitened."""
    mean = embeddings.mean(axis=0)
    centred = embeddings - mean
    _, spread, rows = np.linalg.svd(centred, full_matrices=False)
    count = min(COMPONENTS, len(spread) // 2)
    components = rows[:count].T
    deviation = spread[:count] / np.sqrt(len(embeddings))
    beside = centred - (centred @ components) @ components.T
    scale = float(np.square(beside).sum(axis=1).mean())
    return OutOfDistribution(
        mean, (components / deviation).astype(np.float32), components.astype(np.float32), max(scale, 1e-6)
    )
