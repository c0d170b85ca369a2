"""What may be exported, and what is refused before anything is trained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from training import recipe as recipes
from training.export import unserved

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unet-segnet", "is served"),
        ("resnet101-enhanced", "is served"),
        ("efficientnetb3-raw", "is served"),
        ("efficientnetb3-truemask", "is served"),
        ("unet-efficientnetb3-random", "leaks"),
    ],
)
def test_what_cannot_be_served_is_not_exported(name: str, words: str) -> None:
    assert words in str(unserved(recipes.read(name)))


def test_an_enhanced_picture_is_not_what_serving_shows_its_classifier() -> None:
    recipe = recipes.read("unet-efficientnetb3")
    assert unserved(recipe) is None
    recipe["classification"]["enhancement"] = ["clahe"]
    assert "without enhancement" in str(unserved(recipe))


def test_the_refusal_comes_before_the_data_is_read(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "export", "--recipe", "unet-segnet", "--data", str(tmp_path / "none")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "Recipe unet-segnet can't be exported" in answer.stderr.splitlines()[-1]
