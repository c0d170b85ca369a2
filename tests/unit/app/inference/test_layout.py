"""The layout network objects to what its limits say; without one nothing is asked; a damaged one stops the reading."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.inference.layout import DESCRIBED
from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from imaging.gate import quality
from imaging.picture import Picture
from tests.factories.networks import write_tiny_layout, write_tiny_networks

BRIGHT = Picture(np.full((80, 100), 220, np.uint8), "png")
DARK = Picture(np.full((80, 100), 40, np.uint8), "png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_layout(write_tiny_networks(tmp_path / "models"))


def test_the_kind_above_its_limit_is_named(folder: Path) -> None:
    engine = Engine(folder, "cpu")
    assert engine.objection(BRIGHT) == "inverted"
    assert engine.objection(DARK) is None
    assert "inverted" in quality.refusal("inverted").sentence


def test_networks_without_a_layout_network_object_to_nothing(tmp_path: Path) -> None:
    assert Engine(write_tiny_networks(tmp_path / "models"), "cpu").objection(BRIGHT) is None


@pytest.mark.parametrize("damage", ["{", "[]", '{"network": {}}', '{"network": null, "limits": {}}'])
def test_a_damaged_description_stops_the_reading(folder: Path, damage: str) -> None:
    (folder / DESCRIBED).write_text(damage, encoding="utf-8")
    with pytest.raises(ModelUnusable) as error:
        Engine(folder, "cpu").read([DARK])
    assert error.value.code == "model_bad"


def test_another_file_or_number_of_kinds_stops_the_reading(folder: Path) -> None:
    (folder / "layout.onnx").write_bytes(b"another")
    with pytest.raises(ModelUnusable):
        Engine(folder, "cpu").objection(DARK)
    described = json.loads((write_tiny_layout(folder) / DESCRIBED).read_text(encoding="utf-8"))
    described["limits"].pop("inverted")
    (folder / DESCRIBED).write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ModelUnusable):
        Engine(folder, "cpu").objection(DARK)
