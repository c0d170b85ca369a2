"""What an outline says without its picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.questions.mask_shape import solidity

pytestmark = pytest.mark.training


def test_an_oval_is_solid_and_a_star_is_not() -> None:
    oval, star = np.zeros((200, 200), dtype=np.uint8), np.zeros((200, 200), dtype=np.uint8)
    cv2.ellipse(oval, (100, 100), (80, 50), 0, 0, 360, 1, -1)
    angles = np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, 30, 90)
    points = np.stack([100 + radii * np.cos(angles), 100 + radii * np.sin(angles)], axis=1).astype(np.int32)
    cv2.fillPoly(star, [points], 1)
    assert solidity(oval.astype(np.bool_)) > 0.98
    assert solidity(star.astype(np.bool_)) < 0.6


def test_without_an_outline_nothing_is_notched() -> None:
    assert solidity(np.zeros((9, 9), dtype=np.bool_)) == 1.0


def test_of_several_parts_the_largest_counts() -> None:
    mask = np.zeros((100, 100), dtype=np.bool_)
    mask[10:60, 10:60] = mask[80:82, 80:90] = True
    assert solidity(mask) == 1.0
