"""What people would be told, by training's own copy of the rules: the product's triage must say the same."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from app.reading import triage
from imaging.statistics.intervals import with_interval
from training.datasets.sample import LABELS
from training.figures import answers
from training.figures.judged import Judged

pytestmark = pytest.mark.training

THRESHOLD = 0.3


def judged(count: int, seed: int = 0) -> Judged:
    random = np.random.default_rng(seed)
    scores = random.dirichlet([1, 1, 1], count)
    plausible = random.random((count, 3)) < 0.5
    plausible[np.arange(count), scores.argmax(axis=1)] = True
    text, ones = np.asarray([str(index) for index in range(count)]), np.ones(count)
    return Judged(
        text, text, text, text, text, ones < 0, random.integers(0, 3, count), scores, scores, scores,
        scores, ones, ones, ones,
        random.random(count) < 0.7, random.random(count) < 0.3, scores[:, 1] >= THRESHOLD, random.random(count) < 0.2,
        plausible,
    )  # fmt: skip


def test_the_answers_are_those_of_the_products_triage() -> None:
    rows = judged(400)
    for index, answer in enumerate(answers.answers(rows)):
        has_outline = rows.is_outlined[index] and not rows.is_cleared[index]
        findings = SimpleNamespace(
            plausible=[label for label, held in zip(LABELS, rows.plausible[index], strict=True) if held],
            probabilities=SimpleNamespace(malignant=rows.scores[index, 1]),
            is_out_of_distribution=rows.is_out_of_distribution[index],
            lesion=object() if has_outline else None,
        )
        assert triage.decide(findings, THRESHOLD).category == answer
    assert set(answers.answers(rows)) == set(answers.ANSWERS)


def test_every_picture_is_counted_once() -> None:
    rows = judged(90)
    assert sum(count for given in answers.counts(rows).values() for count in given.values()) == 90


def test_answering_everything_misses_at_least_as_many_cancers() -> None:
    rows = judged(300, seed=3)
    found = {name: with_interval(measure, rows.groups)["value"] for name, measure in answers.measures(rows).items()}
    assert 0 < found["malignant_missed"] <= found["malignant_missed_without_abstaining"] < 1
    assert 0 < found["abstained_malignant"] < 1
