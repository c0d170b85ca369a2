"""Pages that are drawn from kept figures say what those figures say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.exporting import model_card
from training.questions import drift_page, width_front

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("draw", "figures", "page"),
    [
        (width_front.page, "training/results/width_front.json", "docs/explanation/u-net-width.md"),
        (model_card.card, "models/manifest.json", "models/MODEL_CARD.md"),
    ],
    ids=["how wide the U-Net is", "model card"],
)
def test_a_page_is_what_its_figures_give(draw: Callable[[dict[str, Any]], str], figures: str, page: str) -> None:
    assert Path(page).read_text(encoding="utf-8") == draw(json.loads(Path(figures).read_text(encoding="utf-8")))


def test_the_page_on_declining_is_what_its_figures_give() -> None:
    written = Path("docs/explanation/when-it-declines.md").read_text(encoding="utf-8")
    assert written == drift_page.kept(Path("training/results"))
