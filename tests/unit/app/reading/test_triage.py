"""The table of triage rules, as a table."""

from __future__ import annotations

import numpy as np
import pytest

from app import categories
from app.inference.results import Findings, Probabilities
from app.reading import triage
from imaging.measures.measure import measure

THRESHOLD = 0.2


def findings(malignant: float, plausible: tuple[str, ...], score: float = 1.0, has_lesion: bool = True) -> Findings:
    pixels = np.full((64, 64), 120, dtype=np.uint8)
    mask = np.zeros((64, 64), dtype=np.bool_)
    mask[20:40, 20:44] = has_lesion
    rest = (1 - malignant) / 2
    return Findings(
        mask=mask, heat=None, lesion=measure(pixels, mask, None),
        probabilities=Probabilities(rest, malignant, rest), plausible=plausible,
        out_of_distribution=score, out_of_distribution_limit=2.0, heat_in_lesion=None, milliseconds={},
        provider="CPU", precision="fp32", models={}, models_version="1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("malignant", "plausible", "score", "has_lesion", "category"),
    [
        (0.20, ("benign",), 1.0, True, categories.PROMPT),  # exactly at the operating point
        (0.90, ("malignant",), 9.0, True, categories.PROMPT),  # strange and suspicious: a doctor, not "can't tell"
        (0.10, ("benign", "malignant"), 1.0, True, categories.PROMPT),
        (0.10, ("benign", "malignant"), 9.0, True, categories.UNSURE),
        (0.10, ("benign",), 1.0, True, categories.ROUTINE),
        (0.10, ("benign",), 9.0, True, categories.UNSURE),
        (0.01, ("normal",), 1.0, False, categories.CLEAR),
        (0.01, ("normal",), 1.0, True, categories.UNSURE),  # called normal, yet something was outlined
        (0.01, ("normal", "benign"), 1.0, False, categories.UNSURE),
    ],
)
def test_the_first_rule_that_fits_decides(
    malignant: float, plausible: tuple[str, ...], score: float, has_lesion: bool, category: str
) -> None:
    assert triage.decide(findings(malignant, plausible, score, has_lesion), THRESHOLD).category == category


def test_a_normal_picture_with_an_outline_is_not_said_to_fit_several_groups() -> None:
    decision = triage.decide(findings(0.01, ("normal",), 1.0, True), THRESHOLD)
    assert decision.because == "Only the group 'normal' fits this picture, and yet the program outlined an area."


def test_a_category_a_doctor_should_see_first_ranks_highest() -> None:
    order = sorted(categories.CATEGORIES, key=lambda category: -categories.URGENCY[category])
    assert order[0] == categories.PROMPT
    assert order[1] == categories.UNSURE


@pytest.mark.parametrize("category", categories.CATEGORIES)
def test_the_words_never_state_an_illness_nor_its_absence(category: str) -> None:
    words = triage.WORDS[category]
    text = " ".join((words.heading, words.summary, *words.steps)).lower()
    for forbidden in ("you have cancer", "you don't have", "cancer detected", "all clear", "diagnosis", "healthy"):
        assert forbidden not in text
    assert "symptom" in text or "lump" in text
