"""Margins: pictures that hold nothing else stay whole."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.layout import margins

EVEN = np.full((128, 128), 90, np.uint8)
STRIPES = np.tile(np.arange(128, dtype=np.uint8), (128, 1))


@pytest.mark.parametrize("pixels", [EVEN, STRIPES, STRIPES.T, EVEN * 0], ids=["grey", "columns", "rows", "black"])
def test_a_picture_of_even_lines_to_its_end_is_all_content(pixels: NDArray[np.uint8]) -> None:
    box = margins.content_box(pixels)
    assert (box.top, box.left, box.bottom, box.right) == (0, 0, 128, 128)
