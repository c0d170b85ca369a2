"""Strangers are refused by a score that has never met their organ, at a limit that hospitals set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.training.figures.test_figures import predictions
from training.fitting.predict import Predictions
from training.questions import refusing

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore::FutureWarning:monai")]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 20)


def breasts(count: int, seed: int, sources: tuple[str, ...] = ("busi", "busbra"), shift: float = 0.0) -> Predictions:
    labels = [("benign", "malignant", "normal")[n % 3] for n in range(count)]
    part = predictions(labels, np.zeros((count, 3)))
    embeddings = np.random.default_rng(seed).normal(shift, 1, (count, 12)).astype(np.float32)
    named = [replace(sample, source=sources[n % len(sources)]) for n, sample in enumerate(part.samples)]
    return replace(part, samples=named, embeddings=embeddings)


def organ(seed: int, far: float) -> np.ndarray:
    """Strangers that lie to one side of all breasts, each organ with a side of its own beside that."""
    rows = np.random.default_rng(seed).normal(0, 1, (60, 12)).astype(np.float32)
    rows[:, 0] += far
    rows[:, seed] += far / 2
    return rows


def test_an_organ_is_refused_by_what_the_others_have_in_common() -> None:
    met = {kind: organ(seed, 7.0) for seed, kind in enumerate(("fetal head", "pelvis", "lung"), start=1)}
    allowed = {kind: np.ones(60, dtype=np.bool_) for kind in met}
    found = refusing.answered(breasts(300, 0), breasts(200, 1), breasts(90, 2, ("breast",)), met, allowed)
    assert found["linear"]["mean over organs"]["value"] > 0.9
    assert found["linear"]["lung"]["breasts of an unseen hospital"]["value"] < 0.1
    assert set(found["novelty"]) == {*met, "mean over organs"}


def test_no_hospital_loses_more_than_one_picture_in_a_hundred_to_the_limit() -> None:
    tune = breasts(400, 1)
    tune.embeddings[1::2] *= 2  # one hospital's pictures are stranger than the other's
    score = lambda rows: np.square(rows).sum(axis=1).astype(np.float64)  # noqa: E731
    highest = refusing.limit(score, tune)
    sources = np.asarray([sample.source for sample in tune.samples])
    lost = [float((score(tune.embeddings[sources == source]) > highest).mean()) for source in ("busi", "busbra")]
    assert max(lost) <= 0.01
    assert lost[0] == 0.0


def test_lungs_of_both_probes_are_left_out_together() -> None:
    assert refusing._is_same_organ("lung", "lung, linear probe")
    assert not refusing._is_same_organ("lung", "pelvis")
