"""Regions of mammograms: on made-up ones where breast, muscle, mass and label are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.factories.mammograms import mammogram
from training.preparation.mammography import BREAST, DENSE, breast_of, regions

pytestmark = pytest.mark.training

BOTH_SIDES = pytest.mark.parametrize("is_wall_right", [False, True], ids=["wall left", "wall right"])


@BOTH_SIDES
def test_the_breast_is_found_without_label_and_pectoral_muscle(is_wall_right: bool) -> None:
    drawn = mammogram(1, is_wall_right, 256, 256)
    found = breast_of(drawn["pixels"])
    overlap = 2 * (found & drawn["breast"]).sum() / (found.sum() + drawn["breast"].sum())
    assert overlap > 0.9
    assert not (found & drawn["label"]).any()
    assert (found & drawn["pectoral"]).sum() < 0.15 * drawn["pectoral"].sum()


@BOTH_SIDES
def test_the_mass_is_dense_and_lies_in_the_breast(is_wall_right: bool) -> None:
    drawn = mammogram(2, is_wall_right, 256, 256)
    found = regions(drawn["pixels"], dense_share=0.9)
    assert (found[drawn["mass"]] == DENSE).mean() > 0.9
    assert set(np.unique(found)) == {0, BREAST, DENSE}
    assert (found == DENSE).sum() <= 0.15 * (found > 0).sum()


def test_a_breast_without_a_muscle_loses_little() -> None:
    drawn = mammogram(3, height=256, width=256)
    pixels = np.where(drawn["pectoral"], 4, drawn["pixels"]).astype(np.uint8)
    assert breast_of(pixels).sum() > 0.8 * drawn["breast"].sum()


def test_a_black_film_has_no_regions() -> None:
    assert not regions(np.zeros((64, 64), dtype=np.uint8), 0.8).any()
