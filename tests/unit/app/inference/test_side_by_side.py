"""Several pictures are read beside each other, and each as if it were alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.inference.pipeline import Engine
from app.inference.results import Findings
from app.inference.sessions import NetworkSession
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories.networks import write_tiny_networks

PICTURES = [Picture(speckle(seed, lesion), "png") for seed, lesion in ((1, "oval"), (2, None), (3, "irregular"))]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(write_tiny_networks(tmp_path), "cpu", threads=2)


def test_pictures_that_are_read_beside_each_other_keep_their_order_and_their_answers(engine: Engine) -> None:
    alone = [engine.read([picture])[0] for picture in PICTURES]
    beside = engine.read(PICTURES)
    assert len({found.probabilities for found in alone}) == len(PICTURES)
    for one, other in zip(alone, beside, strict=True):
        assert one.probabilities.malignant == pytest.approx(other.probabilities.malignant, abs=1e-6)
        assert np.array_equal(one.mask, other.mask)


def test_only_a_picture_that_is_alone_takes_all_cores(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    run = NetworkSession.run

    def noted(session: NetworkSession, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        threads.append(session.threads)
        return run(session, inputs)

    monkeypatch.setattr(NetworkSession, "run", noted)
    engine.read(PICTURES[:1])
    assert threads == [2, 2]
    threads.clear()
    engine.read(PICTURES[:2])
    assert threads == [1, 1, 1, 1]


def test_one_core_needs_no_second_pair_of_networks(tmp_path: Path) -> None:
    engine = Engine(write_tiny_networks(tmp_path), "cpu", threads=1)
    found: list[Findings] = engine.read(PICTURES)
    assert len(found) == len(PICTURES)
    assert engine._loaded is not None
    assert engine._loaded.side_by_side is None
