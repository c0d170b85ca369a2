"""Numbers that descriptors rest on, and how agreement with radiologists is counted."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from training.datasets.sample import Sample
from training.questions import descriptors
from training.questions.descriptors import Described
from training.questions.lesion_numbers import numbers

pytestmark = pytest.mark.training


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 20)


def picture(points: np.ndarray, edge_px: float = 0.0, below: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A dark lesion on grey speckle, its edge soft over so many pixels, what lies below brighter by so much."""
    mask = cv2.fillPoly(np.zeros((200, 240), dtype=np.uint8), [points.astype(np.int32)], 1)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), edge_px) if edge_px else mask.astype(np.float32)
    grey = 140 - 90 * soft + np.random.default_rng(0).normal(0, 6, mask.shape)
    bottom = int(np.nonzero(mask)[0].max())
    grey[bottom + 2 :, 95:145] += below
    return np.clip(grey, 0, 255).astype(np.uint8), mask.astype(bool)


def star(jag: float) -> np.ndarray:
    """An oval whose outline swings by a share of its radius."""
    turn = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    radius = 1 + jag * np.sign(np.sin(12 * turn))
    return np.stack([120 + 50 * radius * np.cos(turn), 90 + 35 * radius * np.sin(turn)], axis=1)


def test_a_jagged_outline_loses_more_by_smoothing_and_fits_its_ellipse_worse() -> None:
    smooth, jagged = (numbers(*picture(star(jag))) for jag in (0.0, 0.2))
    for name in ("smoothed 10%", "ellipse", "solidity", "convexity"):
        assert jagged[name] < smooth[name] - 0.02, name


def test_a_soft_edge_is_less_steep_all_around() -> None:
    sharp, soft = (numbers(*picture(star(0.0), edge_px)) for edge_px in (0.0, 6.0))
    assert soft["steepness"] < 0.7 * sharp["steepness"]
    assert soft["weakest sector"] < sharp["weakest sector"]


@pytest.mark.parametrize(("below", "sign"), [(40, 1), (-40, -1)])
def test_enhancement_and_shadow_are_seen_at_every_depth(below: int, sign: int) -> None:
    found = numbers(*picture(star(0.0), below=below))
    assert all(sign * found[f"below {depth} against beside"] > 1 for depth in range(3))


def test_at_the_lower_edge_of_the_picture_the_numbers_stay_finite() -> None:
    pixels, mask = picture(star(0.0) + np.asarray([0, 75]))
    assert np.isfinite(list(numbers(pixels, mask).values())).all()


def test_agreement_is_counted_as_everybody_counts_it() -> None:
    random = np.random.default_rng(1)
    said, answered = (random.choice(["oval", "round", "irregular"], 60) for _ in range(2))
    assert descriptors.kappa(said, answered) == pytest.approx(cohen_kappa_score(said, answered))
    assert descriptors.balanced(said, answered) == pytest.approx(balanced_accuracy_score(said, answered))
    assert descriptors.kappa(said, said) == pytest.approx(1.0)


def lesions(count: int = 100) -> Described:
    """Lesions whose margin stands in their second number and in the third direction of their embedding."""
    random = np.random.default_rng(2)
    truth = random.integers(0, 2, count)
    samples = [
        Sample(
            f"case{n}", "breast", "benign", n % 5, f"breast-{n}", Path("none"), (),
            details={
                "shape": ("oval", "irregular")[truth[n]], "posterior": ("no", "combined")[n % 2],
                "margin": ("circumscribed", "not circumscribed - angular&indistinct")[truth[n]],
                "calcifications": ("no", "in a mass")[n % 2],
            },
        )
        for n in range(count)
    ]  # fmt: skip
    table, embeddings = random.normal(size=(count, 4)), random.normal(size=(count, 30)).astype(np.float32)
    table[:, 1] += 3 * truth
    embeddings[:, 2] += 3 * truth
    rules = [{"shape": "oval", "margin": "circumscribed"}] * count
    return Described(table, embeddings, rules, samples)


def test_a_model_learns_what_the_numbers_tell_and_is_asked_about_patients_it_has_not_seen() -> None:
    found = descriptors.measured(lesions())
    assert found["margin"]["model"]["kappa"]["low"] > 0.5
    assert found["margin"]["rule"]["kappa"]["value"] == pytest.approx(0.0)
    assert abs(found["posterior"]["model"]["kappa"]["value"]) < 0.4  # nothing tells it here
    assert "rule" not in found["calcifications"]


def test_the_radiologists_words_become_ours() -> None:
    some = lesions(4)
    assert set(some.said("margin")) <= {"circumscribed", "not circumscribed"}
    assert some.said("posterior").tolist() == ["no posterior features", "shadowing"] * 2
    assert some.ruled("posterior").tolist() == ["no posterior features"] * 4
