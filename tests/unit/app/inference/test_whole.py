"""The shipped networks as two graphs and as one give the same answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from imaging.phantom import speckle
from imaging.picture import Picture
from imaging.statistics.agreement import dice

MODELS = Path("models")
LARGEST_DIFFERENCE = 0.01  # in a probability; resizing rounds a grey up or down in other places
SMALLEST_DICE = 0.98
PICTURES = [
    Picture(speckle(seed, lesion, height, width), "png")
    for seed, (lesion, height, width) in enumerate(
        [("oval", 375, 448), ("irregular", 471, 562), (None, 300, 448), ("oval", 1200, 900), ("irregular", 120, 100)]
    )
]


@pytest.fixture(scope="module")
def separate() -> Engine:
    return Engine(MODELS, "cpu", threads=1)


def test_one_graph_gives_the_answers_of_the_two_for_pictures_of_any_size(separate: Engine) -> None:
    one_graph = Engine(MODELS, "cpu", threads=1, is_one_graph=True)
    for two, one in zip(separate.read(PICTURES), one_graph.read(PICTURES), strict=True):
        for label in ("benign", "malignant", "normal"):
            assert getattr(one.probabilities, label) == pytest.approx(
                getattr(two.probabilities, label), abs=LARGEST_DIFFERENCE
            )
        assert one.out_of_distribution == pytest.approx(two.out_of_distribution, rel=0.02)
        assert one.mask.shape == two.mask.shape
        assert dice(one.mask, two.mask) >= SMALLEST_DICE
        assert one.heat is not None
        assert two.heat is not None
        assert float(np.abs(one.heat.astype(float) - two.heat.astype(float)).mean()) < 4
    assert "networks" in one_graph.read(PICTURES[:1])[0].milliseconds


@pytest.mark.parametrize("name", ["whole.onnx", "unet.onnx", "efficientnetb3.onnx"])
def test_one_graph_is_not_used_when_it_or_a_file_with_its_weights_is_damaged(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(MODELS, tmp_path / "models", ignore=shutil.ignore_patterns("*fp16*"))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelUnusable) as refused:
        Engine(folder, "cpu", threads=1, is_one_graph=True).warm_up()
    assert refused.value.code == "model_bad"


def test_networks_that_come_without_the_one_graph_say_so(tmp_path: Path) -> None:
    manifest = json.loads((MODELS / "manifest.json").read_text(encoding="utf-8"))
    del manifest["whole"]
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelUnusable, match="without a graph"):
        Engine(folder, "cpu", threads=1, is_one_graph=True).warm_up()
