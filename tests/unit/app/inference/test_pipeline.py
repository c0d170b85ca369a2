"""The engine on tiny networks with the real contract."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from app.inference.results import to_json
from imaging.picture import Picture, Spacing
from imaging.preprocess import resize
from tests.factories.networks import write_tiny_networks


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return write_tiny_networks(tmp_path / "models")


def bright_square(height: int = 80, width: int = 100, grey: int = 250) -> Picture:
    pixels = np.full((height, width), 40, dtype=np.uint8)
    pixels[20:50, 30:70] = grey
    return Picture(pixels, "png", spacing=Spacing(0.1, "the file's ultrasound region"))


def black() -> Picture:
    return Picture(np.zeros((60, 60), dtype=np.uint8), "png")


def test_the_outline_lies_where_the_network_sees_a_lesion(models: Path) -> None:
    findings = Engine(models, "cpu").read([bright_square()])[0]
    assert findings.mask.shape == (80, 100)
    assert findings.mask[25:45, 36:64].all()
    assert not findings.mask[:14].any()
    assert findings.lesion is not None
    assert findings.lesion.spacing_mm == 0.1


def test_a_picture_without_lesion_has_no_measurements_and_an_empty_mask(models: Path) -> None:
    findings = Engine(models, "cpu").read([black()])[0]
    assert findings.lesion is None
    assert not findings.mask.any()
    assert findings.heat_in_lesion is None


def test_probabilities_are_shares_of_one(models: Path) -> None:
    found = Engine(models, "cpu").read([bright_square()])[0].probabilities
    assert found.benign + found.malignant + found.normal == pytest.approx(1.0)


def test_a_batch_gives_each_picture_its_own_answer(models: Path) -> None:
    engine = Engine(models, "cpu")
    together = engine.read([bright_square(), black(), bright_square(120, 90)])
    alone = [engine.read([picture])[0] for picture in (bright_square(), black(), bright_square(120, 90))]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.mask, other.mask)
        assert one.probabilities == other.probabilities


def test_the_heat_map_covers_the_part_that_the_classifier_saw(models: Path) -> None:
    findings = Engine(models, "cpu").read([bright_square()])[0]
    assert findings.heat is not None
    assert findings.heat.max() == 255
    assert findings.heat[:5].max() == 0
    assert findings.heat_in_lesion is not None
    assert 0 < findings.heat_in_lesion <= 1


def test_the_heat_map_of_a_large_picture_lies_as_that_of_a_small_one(models: Path) -> None:
    """Large ones are drawn smaller; classifier and U-Net count as much beside each other as in a small one."""
    engine, small = Engine(models, "cpu"), bright_square(200, 240)
    large = Picture(np.kron(small.pixels, np.ones((4, 4), dtype=np.uint8)), "png")
    heat, enlarged = (findings.heat for findings in engine.read([small, large]))
    assert heat is not None
    assert enlarged is not None
    assert enlarged.shape == (800, 960)
    assert enlarged.max() >= 250
    assert np.abs(resize(enlarged, 200, 240).astype(int) - heat).mean() < 4


def test_the_provider_that_really_ran_is_told(models: Path) -> None:
    findings = Engine(models, "cpu").read([black()])[0]
    assert (findings.provider, findings.precision) == ("CPU", "fp32")
    assert set(findings.milliseconds) == {"segment", "classify", "explain", "measure"}


def test_findings_become_json_without_their_arrays(models: Path) -> None:
    plain = to_json(Engine(models, "cpu").read([bright_square()])[0])
    again = json.loads(json.dumps(plain))
    assert again["label"] in {"benign", "malignant", "normal"}
    assert "mask" not in again
    assert again["lesion"]["area_px"] > 0


def test_a_flipped_byte_in_a_network_is_noticed(models: Path) -> None:
    path = models / "classifier.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelUnusable) as refusal:
        Engine(models, "cpu").warm_up()
    assert refusal.value.code == "model_bad"


@pytest.mark.parametrize("name", ["manifest.json", "unet.onnx"])
def test_a_missing_file_is_named_by_its_code(models: Path, name: str) -> None:
    (models / name).unlink()
    with pytest.raises(ModelUnusable) as refusal:
        Engine(models, "cpu").warm_up()
    assert refusal.value.code == "model_missing"


def test_a_manifest_without_a_threshold_is_refused(models: Path) -> None:
    raw = json.loads((models / "manifest.json").read_text())
    del raw["operating_points"]
    (models / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(ModelUnusable, match="damaged"):
        _ = Engine(models, "cpu").manifest


def test_networks_mended_on_disk_are_used_without_a_restart(models: Path) -> None:
    content = (models / "unet.onnx").read_bytes()
    (models / "unet.onnx").unlink()
    engine = Engine(models, "cpu")
    with pytest.raises(ModelUnusable):
        engine.warm_up()
    (models / "unet.onnx").write_bytes(content)
    assert engine.read([black()])[0].provider == "CPU"


def test_no_outline_is_shown_on_a_picture_that_is_held_for_normal(models: Path) -> None:
    raw = json.loads((models / "manifest.json").read_text())
    raw["mask"]["normal_limit"] = 0.01
    (models / "manifest.json").write_text(json.dumps(raw))
    findings = Engine(models, "cpu").read([bright_square()])[0]
    assert not findings.mask.any()
    assert findings.lesion is None


@pytest.mark.parametrize(("limit", "is_kept"), [(0.75, True), (0.95, False)])
def test_the_class_alone_does_not_drop_an_outline_that_the_unet_is_certain_of(
    models: Path, limit: float, is_kept: bool
) -> None:
    raw = json.loads((models / "manifest.json").read_text())
    raw["mask"] |= {"normal_limit": 0.01, "certain_outline": limit}
    (models / "manifest.json").write_text(json.dumps(raw))
    findings = Engine(models, "cpu").read([bright_square(grey=235)])[0]  # 0.92, less at the edge
    assert findings.mask.any() == is_kept
    assert (findings.lesion is not None) == is_kept


def test_networks_without_a_limit_of_certainty_drop_by_the_class_alone(models: Path) -> None:
    raw = json.loads((models / "manifest.json").read_text())
    raw["mask"]["normal_limit"] = 0.01
    del raw["mask"]["certain_outline"]
    (models / "manifest.json").write_text(json.dumps(raw))
    assert not Engine(models, "cpu").read([bright_square()])[0].mask.any()
