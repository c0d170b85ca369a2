"""What is declined, and what that costs."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from training.datasets.sample import Sample
from training.figures import answers
from training.figures.served import PASSED, Networks, Reading
from training.questions import drift, drift_page, out_of_distribution, strangers

pytestmark = pytest.mark.training


def reading(gate: str = PASSED, distance: float = 0.5, malignant: float = 0.1, has_outline: bool = True) -> Reading:
    rest = 1 - malignant
    return Reading(
        gate, (0.9 * rest, malignant, 0.1 * rest), distance, (True, False, False), malignant > 0.3, has_outline
    )


def sample(label: str, source: str = "busi") -> Sample:
    return Sample("one", source, label, 0, "group", Path("none"), ())


def test_refusals_are_counted_by_class_and_once_each() -> None:
    samples = [sample("malignant"), sample("malignant"), sample("benign"), sample("benign", "busbra")]
    readings = [reading("noise", distance=3), reading(distance=3), reading(), reading("blank")]
    found = drift.real(samples, readings, "busi")
    assert found["malignant"] == {
        "pictures": 2, "refused_by_gate": 1, "objections": {"noise": 1}, "refused_as_novel": 1,
    }  # fmt: skip
    assert found["benign"]["refused_by_gate"] == 0
    assert "normal" not in found


def test_answers_follow_the_rules() -> None:
    given = drift.told([reading(), reading(malignant=0.9, distance=9), reading(distance=9)])
    assert given == [answers.ROUTINE, answers.PROMPT, answers.UNSURE]


def test_half_precision_is_compared_by_decisions() -> None:
    full, half = [reading(), reading(distance=0.99)], [reading(malignant=0.104), reading(distance=1.01)]
    found = drift.changed(full, half)
    assert found["other_class"] == 0
    assert found["other_novelty"] == found["other_answer"] == 1
    assert found["largest_difference_of_a_probability"] == pytest.approx(0.004)
    assert drift.changed(full, [])["pictures"] == 0


def test_refusing_more_leaves_fewer_cancers_to_be_missed_and_refuses_more() -> None:
    from tests.unit.training.figures.test_answers import judged

    curve = drift.refusal_curve(judged(400))
    assert curve[0]["malignant_refused"] == 0
    for before, after in itertools.pairwise(curve):
        assert after["malignant_refused"] >= before["malignant_refused"]
        assert after["malignant_below_threshold"] <= before["malignant_below_threshold"]


@pytest.mark.parametrize("name", strangers.DRAWN)
def test_strangers_are_grey_pictures_and_the_same_every_time(name: str) -> None:
    first, second = strangers.draw(name, 2)
    assert first.dtype == np.uint8
    assert first.ndim == 2
    assert min(first.shape) >= 100
    assert first.std() > 5
    assert np.array_equal(first, strangers.draw(name, 1)[0])
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_the_shipped_networks_read_a_phantom_and_the_gate_declines_noise() -> None:
    networks = Networks(Path("models"))
    seen = networks.read(strangers.draw("synthetic ultrasound", 1)[0])
    assert seen.gate == PASSED
    assert sum(seen.scores) == pytest.approx(1)
    assert networks.read(strangers.draw("white noise", 1)[0]).gate == "noise"


def test_the_page_adds_up_what_passes() -> None:
    group = {"pictures": 10, "passed_gate": 4, "below_novelty_limit": 5, "passed_both": 2, "objections": {},
             "told": {"prompt": 2}}  # fmt: skip
    found = {
        "fold": 0, "strangers": {"white noise": group, "synthetic ultrasound": group},
        "real": {"busi": drift.real([sample("malignant")], [reading("noise")], "busi")}, "abstaining": {},
        "half_precision": drift.changed([], []),
    }  # fmt: skip
    text = drift_page.page(found)
    assert "4 of 10 pass the gate, 5 would pass the limit, and 2 pass both" in text.replace("\n", " ")
    assert "Of 1 cancers 1 are refused by the gate" in text
    assert "| white noise | 10 | 4 | 5 | 2 | 2 see a doctor soon |" in text


def test_the_page_says_of_how_many_pictures_each_share_is() -> None:
    shares = {"real test pictures": 0.01, "their lesion-free squares": 0.5, "white noise": 0.0, "dead leaves": 0.25}
    pictures = {"real test pictures": 531, "their lesion-free squares": 9, "white noise": 30, "dead leaves": 40}
    text = drift_page._scores({"pictures": pictures, "refused": {"shipped: both halves": shares}}).replace("\n", " ")
    assert "| score | real test pictures (531) | their lesion-free squares (9) | white noise (30) | dead" in text
    assert "of a group of strangers is 25%: shipped: both halves, dead leaves" in text


def test_a_score_is_compared_at_the_limit_that_real_pictures_pass() -> None:
    random = np.random.default_rng(0)
    known = (random.normal(size=(400, 20)) * np.linspace(3, 0.1, 20)).astype(np.float32)
    fitted = out_of_distribution.scores(known[:200], np.arange(200) % 3)
    groups = {"real": known[300:], "far": known[:50] + 9}
    for name, score in fitted.items():
        found = out_of_distribution.refused(score, known[200:300], groups)
        assert found["real"] < 0.1, name
        if name != "length of the embedding":  # a shift makes it longer, and it looks for shorter ones
            assert found["far"] > 0.5, name
