"""One hue over the whole picture is a tint; Doppler, elastography and marks in colour are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imaging.formats.colour import Colours
from tests.factories.pictures import ultrasound

GREY = ultrasound(5, "oval", 300, 400).astype(np.float32)


def of(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> Colours:
    colours = Colours()
    colours.add(*(np.clip(plane, 0, 255).astype(np.uint8) for plane in (red, green, blue)))
    return colours


@pytest.mark.parametrize(
    "shares", [(0.7, 0.85, 1.15), (1.2, 0.95, 0.7), (0.6, 1.1, 0.6)], ids=["blue", "sepia", "green"]
)
def test_one_tint_over_all_is_no_colour(shares: tuple[float, float, float]) -> None:
    assert of(*(GREY * share for share in shares)).is_tint


def test_doppler_of_one_hue_over_part_of_the_picture_is_colour() -> None:
    planes = [GREY.copy() for _ in range(3)]
    planes[0][80:200, 100:250] += 90
    planes[2][80:200, 100:250] *= 0.3
    found = of(*planes)
    assert found.coloured > 0
    assert not found.is_tint


def test_a_colour_map_of_many_hues_is_colour() -> None:
    mapped = cv2.applyColorMap(GREY.astype(np.uint8), cv2.COLORMAP_JET).astype(np.float32)
    assert not of(mapped[..., 2], mapped[..., 1], mapped[..., 0]).is_tint


def test_grey_beside_a_tinted_part_counts_against_a_tint() -> None:
    tinted = of(GREY * 0.7, GREY * 0.85, GREY * 1.15)
    tinted.add_grey(GREY.astype(np.uint8))
    assert not tinted.is_tint
    assert not Colours().is_tint
