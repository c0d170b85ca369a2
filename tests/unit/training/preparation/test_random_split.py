"""The split that leaks on purpose, and what keeps it apart from the honest one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories.datasets import write_published_busbra
from training.datasets import busbra
from training.datasets.sample import FOLDS
from training.preparation.splits import GROUPED, RANDOM, dealt_at_random, split

pytestmark = pytest.mark.training


@pytest.fixture
def samples(tmp_path: Path):
    return busbra.read(write_published_busbra(tmp_path / "busbra", cases=30))


def test_a_random_split_tears_patients_apart_and_says_that_it_leaks(samples) -> None:
    parts = split(samples, 0, RANDOM)
    assert {s.group for s in parts.train} & {s.group for s in parts.test}
    assert parts.is_leaking
    assert not split(samples, 0).is_leaking


def test_the_random_folds_are_of_one_size_and_cover_every_picture_once(samples) -> None:
    dealt = dealt_at_random(samples)
    sizes = [sum(sample.fold == fold for sample in dealt) for fold in range(FOLDS)]
    assert sum(sizes) == len(samples)
    assert max(sizes) - min(sizes) <= 2  # one per class
    assert [sample.identifier for sample in dealt] == [sample.identifier for sample in samples]


def test_the_same_pictures_are_dealt_alike_every_time(samples) -> None:
    assert split(samples, 1, RANDOM).digest == split(samples[::-1], 1, RANDOM).digest
    assert split(samples, 1, RANDOM).digest != split(samples, 1, GROUPED).digest


def test_an_unknown_protocol_is_refused(samples) -> None:
    with pytest.raises(ValueError, match="Known: grouped, random"):
        split(samples, 0, "leave-one-out")
