"""Figures whose right value is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.scores import Scaling, calibration_error, threshold_for
from training.calibrate import fit_normal_limit, fit_novelty, fit_scaling
from training.datasets.sample import LABELS, Sample
from training.metrics import brier, figures, reliability
from training.predict import Predictions, _overlap

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore::FutureWarning:monai")]


def predictions(labels: list[str], logits: np.ndarray, groups: list[str] | None = None) -> Predictions:
    count = len(labels)
    samples = [
        Sample(str(index), "busi", label, 0, (groups or [str(i) for i in range(count)])[index], Path("none"), ())
        for index, label in enumerate(labels)
    ]
    ones = np.ones(count)
    embeddings = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    return Predictions(
        samples,
        logits.astype(np.float32),
        np.zeros((count, 3), np.float32),
        embeddings,
        ones,
        ones,
        ones,
        ones.astype(bool),
    )


def test_overlap_of_half_covered_masks() -> None:
    truth, found = np.zeros((10, 10), dtype=bool), np.zeros((10, 10), dtype=bool)
    truth[:, :4] = True
    found[:, 2:6] = True
    dice, iou, distance, is_outlined = _overlap(found, truth)
    assert (dice, iou, is_outlined) == (0.5, pytest.approx(1 / 3), 1.0)
    assert distance == pytest.approx(2.0)


def test_nothing_outlined_on_a_normal_counts_as_right_and_anything_as_wrong() -> None:
    empty, speck = np.zeros((5, 5), dtype=bool), np.eye(5, dtype=bool)
    assert _overlap(empty, empty)[0] == 1.0
    assert _overlap(speck, empty)[0] == 0.0
    assert np.isnan(_overlap(speck, empty)[2])


def test_a_perfect_classifier_has_perfect_figures_and_no_width() -> None:
    from training.calibrate import calibrate

    labels = [LABELS[index % 3] for index in range(60)]
    perfect = predictions(labels, 8.0 * np.eye(3)[[index % 3 for index in range(60)]])
    found = figures(perfect, calibrate(perfect, perfect.embeddings))
    for name in ("accuracy", "balanced_accuracy", "benign_malignant_auc", "macro_auc", "malignant_f1"):
        assert found[name] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_intervals_resample_groups_and_widen_with_them() -> None:
    random = np.random.default_rng(1)
    labels = [LABELS[index % 3] for index in range(90)]
    logits = random.normal(size=(90, 3)) + np.eye(3)[[index % 3 for index in range(90)]]
    single = predictions(labels, logits)
    grouped = predictions(labels, logits, [str(index // 15) for index in range(90)])
    from training.calibrate import calibrate

    widths = []
    for part in (single, grouped):
        accuracy = figures(part, calibrate(part, part.embeddings))["accuracy"]
        assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
        widths.append(accuracy["high"] - accuracy["low"])
    assert widths[0] > 0
    assert widths[0] != widths[1]


def test_overconfidence_is_measured_and_mended_by_scaling() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 2000)
    honest = random.normal(size=(2000, 3)) + 1.5 * np.eye(3)[labels]
    none = np.zeros((2000, 3), dtype=np.float32)
    scaling = fit_scaling((6 * honest).astype(np.float32), none, labels, np.full(2000, 1 / 2000))
    before = Scaling(1.0, 1.0, (0.0, 0.0, 0.0)).probabilities(6 * honest, none)
    after = scaling.probabilities(6 * honest, none)
    assert calibration_error(after, labels) < 0.05 < calibration_error(before, labels)
    assert brier(after, labels) < brier(before, labels)


def test_the_threshold_keeps_the_wanted_sensitivity() -> None:
    scores = np.linspace(0, 1, 101)
    labels = np.ones(101, dtype=np.int64)
    threshold = threshold_for(scores, labels == 1, 0.95)
    assert (scores >= threshold).mean() >= 0.95
    assert (scores > threshold).mean() < 0.96


def test_reliability_counts_every_picture_once() -> None:
    scores = np.asarray([0.0, 0.1, 0.5, 0.99, 1.0])
    rows = reliability(scores, np.asarray([False, False, True, True, True]), bins=5)
    assert sum(row["count"] for row in rows) == 5
    assert rows[-1]["malignant_share"] == 1.0


def test_a_strange_embedding_is_more_novel_than_a_training_one() -> None:
    random = np.random.default_rng(4)
    known = (random.normal(size=(300, 20)) * np.linspace(3, 0.1, 20)).astype(np.float32)
    novelty = fit_novelty(known)
    assert novelty.score(known).mean() == pytest.approx(1.0, rel=0.05)
    assert novelty.score(known[:10] + 5).min() > np.quantile(novelty.score(known), 0.99)


def test_the_more_telling_network_gets_the_weight() -> None:
    random = np.random.default_rng(6)
    labels = random.integers(0, 3, 1500)
    noise = random.normal(size=(1500, 3)).astype(np.float32)
    telling = (random.normal(size=(1500, 3)) + 2 * np.eye(3)[labels]).astype(np.float32)
    weights = np.full(1500, 1 / 1500)
    assert fit_scaling(noise, telling, labels, weights).unet_weight > 3
    assert fit_scaling(telling, noise, labels, weights).unet_weight < 0.3


def test_outlines_are_dropped_only_where_that_raises_the_mean_dice() -> None:
    part = predictions(["normal"] * 5 + ["benign"] * 5, np.zeros((10, 3)))
    part.dice[:5] = 0.0
    telling = np.asarray([0.8] * 5 + [0.1] * 5)
    assert 0.1 < fit_normal_limit(telling, part) <= 0.8
    assert fit_normal_limit(1 - telling, part) > 1
