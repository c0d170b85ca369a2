"""Which engine runs the networks, and in which arithmetic."""

from __future__ import annotations

import json
from pathlib import Path

import onnxruntime
import pytest

from app.inference import sessions
from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from imaging.phantom import speckle
from imaging.picture import Picture
from imaging.statistics.agreement import dice
from tests.factories.networks import write_tiny_networks

MODELS = Path("models")
PICTURE = Picture(speckle(4, "oval"), "png")
HAS_OPENVINO = sessions.OPENVINO in onnxruntime.get_available_providers()


@pytest.fixture
def with_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [sessions.OPENVINO, sessions.CPU])


@pytest.mark.usefixtures("with_openvino")
@pytest.mark.parametrize("provider", ["auto", "openvino"])
def test_openvino_is_taken_where_it_is_installed_and_told_how_to_calculate(provider: str) -> None:
    (name, options), last = sessions._wanted(provider, 3, is_bf16=False, lines=2)
    assert (name, last) == (sessions.OPENVINO, sessions.CPU)
    hints = json.loads(options["load_config"])["CPU"]
    assert hints == {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "6", "NUM_STREAMS": "2"}


@pytest.mark.usefixtures("with_openvino")
def test_whoever_asks_for_the_cpu_gets_it(tmp_path: Path) -> None:
    engine = Engine(write_tiny_networks(tmp_path), "cpu")
    found = engine.read([PICTURE])[0]
    assert (found.provider, found.precision) == ("CPU", "fp32")


@pytest.mark.skipif(HAS_OPENVINO, reason="OpenVINO is installed here")
def test_openvino_that_was_asked_for_and_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable) as refused:
        Engine(write_tiny_networks(tmp_path), "openvino").warm_up()
    assert refused.value.code == "openvino_missing"


@pytest.mark.skipif(not HAS_OPENVINO, reason="OpenVINO is not installed here (make openvino)")
@pytest.mark.parametrize(("precision", "difference"), [("fp32", 1e-4), ("bf16", 0.05)])
def test_openvino_answers_as_onnxruntime_does(precision: str, difference: float) -> None:
    plain, other = Engine(MODELS, "cpu"), Engine(MODELS, "openvino", precision=precision)
    wanted, found = plain.read([PICTURE])[0], other.read([PICTURE])[0]
    assert found.provider == "OpenVINO"
    assert found.probabilities.malignant == pytest.approx(wanted.probabilities.malignant, abs=difference)


def test_half_precision_answers_as_full_precision_does() -> None:
    wanted = Engine(MODELS, "cpu").read([PICTURE])[0]
    found = Engine(MODELS, "cpu", precision="fp16").read([PICTURE])[0]
    assert (wanted.precision, found.precision) == ("fp32", "fp16")
    assert found.probabilities.malignant == pytest.approx(wanted.probabilities.malignant, abs=0.02)
    assert wanted.mask.any()
    assert dice(wanted.mask, found.mask) >= 0.99


def test_networks_without_half_precision_say_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="half precision"):
        Engine(write_tiny_networks(tmp_path), "cpu", precision="fp16").warm_up()


def test_bfloat16_is_only_claimed_where_it_runs() -> None:
    session = sessions.NetworkSession(Engine(MODELS, "cpu").manifest.segmentation, "cpu", 1, is_bf16=True)
    assert session.precision == "fp32"
