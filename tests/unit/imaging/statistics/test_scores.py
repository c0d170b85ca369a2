"""Calibration and conformal sets."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.statistics.scores import calibrated, conformal_limits, plausible_classes

NO_BIAS = (0.0, 0.0, 0.0)


def test_rows_sum_to_one_even_for_huge_logits() -> None:
    scores = calibrated(np.asarray([[1000.0, -1000.0, 0.0], [0.0, 0.0, 0.0]]), 0.5, NO_BIAS)
    assert scores.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert scores[1] == pytest.approx([1 / 3] * 3)


def test_a_higher_temperature_says_less() -> None:
    logits = np.asarray([[2.0, 0.0, -1.0]])
    assert calibrated(logits, 4.0, NO_BIAS).max() < calibrated(logits, 1.0, NO_BIAS).max()


def test_a_bias_shifts_weight_to_its_class() -> None:
    logits = np.zeros((1, 3))
    assert calibrated(logits, 1.0, (0.0, 1.0, 0.0)).argmax() == 1


def test_the_set_holds_every_class_at_its_limit_most_probable_first() -> None:
    assert plausible_classes(np.asarray([0.3, 0.6, 0.1]), (0.3, 0.2, 0.2)) == [1, 0]


def test_the_set_is_never_empty() -> None:
    assert plausible_classes(np.asarray([0.3, 0.6, 0.1]), (0.9, 0.9, 0.9)) == [1]


def test_limits_cover_the_wanted_share_of_fresh_pictures_of_each_class() -> None:
    random = np.random.default_rng(3)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = random.integers(0, 3, count)
        return calibrated(random.normal(size=(count, 3)) + 2 * np.eye(3)[labels], 1.0, NO_BIAS), labels

    scores, labels = draw(3000)
    limits = conformal_limits(scores, labels, 0.9)
    fresh, truth = draw(3000)
    for index in range(3):
        covered = np.mean([index in plausible_classes(row, limits) for row in fresh[truth == index]])
        assert 0.87 <= covered <= 0.93


def test_a_class_without_held_out_pictures_is_never_excluded() -> None:
    limits = conformal_limits(np.asarray([[0.9, 0.1, 0.0]]), np.asarray([0]), 0.9)
    assert limits[2] == 0.0


@pytest.mark.parametrize(("count", "place"), [(8, None), (9, 0), (19, 1), (29, 2), (33, 2)])
def test_the_limit_is_the_lowest_but_so_many_of_the_held_out_pictures(count: int, place: int | None) -> None:
    own = np.linspace(0.1, 0.9, count)
    scores = np.stack([own, 1 - own], axis=1)
    limit = conformal_limits(scores, np.zeros(count, dtype=np.int64), 0.9)[0]
    assert limit == (0.0 if place is None else own[place])
