"""What the layout network's answer means."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.layout.arrangement import objection, shown

LIMITS = {"several_panels": 3.0, "inverted": 1.0}


@pytest.mark.parametrize(
    ("logits", "kind"),
    [((2.9, 0.9), None), ((3.1, 0.0), "several_panels"), ((3.1, 2.0), "inverted"), ((3.0, 1.0), None)],
)
def test_the_kind_farthest_above_its_limit_counts(logits: tuple[float, float], kind: str | None) -> None:
    assert objection(logits, LIMITS) == kind


def test_another_number_of_logits_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        objection((9.0,), LIMITS)


def test_the_whole_image_is_shown_squashed() -> None:
    pixels = np.zeros((100, 300), np.uint8)
    pixels[50:] = 200
    seen = shown(pixels, 20)
    assert seen.shape == (1, 1, 20, 20)
    assert (seen[0, 0, :10] == 0).all()
    assert (seen[0, 0, 10:] == 200).all()
