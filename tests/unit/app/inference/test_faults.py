"""A GPU that fails, and networks that are whole but the wrong ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from app.inference import sessions
from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories.networks import write_tiny_networks

REAL = onnxruntime.InferenceSession
PICTURE = Picture(speckle(1, "oval", 96, 96), "png")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return write_tiny_networks(tmp_path / "models")


def names_of(providers: list[Any]) -> list[str]:
    """Of providers that may come with what they are told."""
    return [each if isinstance(each, str) else each[0] for each in providers]


class Graphic:
    """A session that claims to run on a GPU; `fault` is raised by the run, as onnxruntime raises it."""

    fault: Exception | None = None

    def __init__(self, content: bytes, options: Any, providers: list[str], **_: Any) -> None:
        self._real, self._providers = REAL(content, options, providers=[sessions.CPU]), names_of(providers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_providers(self) -> list[str]:
        return self._providers

    def run(self, *arguments: Any) -> Any:
        if Graphic.fault is not None and self._providers[0] == sessions.CUDA:
            raise Graphic.fault
        return self._real.run(*arguments)


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", Graphic)
    monkeypatch.setattr(sessions, "_wanted", lambda name, *_: [sessions.CPU] if name == "cpu" else [sessions.CUDA])
    monkeypatch.setattr(Graphic, "fault", None)


@pytest.mark.usefixtures("with_gpu")
def test_a_picture_whose_gpu_fails_is_read_on_the_cpu_and_the_next_one_on_the_gpu_again(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(models, "auto")
    (before,) = engine.read([PICTURE])
    monkeypatch.setattr(Graphic, "fault", RuntimeError("CUDA failure 2: out of memory"))
    (during,) = engine.read([PICTURE])
    monkeypatch.setattr(Graphic, "fault", None)
    (after,) = engine.read([PICTURE])
    assert [one.provider for one in (before, during, after)] == ["CUDA", "CPU", "CUDA"]
    assert before.probabilities == during.probabilities == after.probabilities
    assert engine.gpu_failures == 1


def test_a_gpu_that_is_too_full_to_be_opened_leaves_the_cpu(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(content: bytes, options: Any, providers: list[str], **_: Any) -> Any:
        if sessions.CUDA in names_of(providers):
            raise RuntimeError("CUDA failure 2: out of memory")
        return REAL(content, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", full)
    monkeypatch.setattr(sessions, "_wanted", lambda name, *_: [sessions.CPU] if name == "cpu" else [sessions.CUDA])
    assert Engine(models, "auto").read([PICTURE])[0].provider == "CPU"
    with pytest.raises(ModelUnusable):
        Engine(models, "cuda").read([PICTURE])


@pytest.mark.usefixtures("with_gpu")
@pytest.mark.parametrize("room_for", [0, 1])
def test_a_gpu_with_room_for_one_network_leaves_both_to_the_cpu(
    models: Path, monkeypatch: pytest.MonkeyPatch, room_for: int
) -> None:
    outcomes = iter([number == room_for for number in range(2)])

    def nearly_full(content: bytes, options: Any, providers: list[str], **_: Any) -> Any:
        if sessions.CUDA in names_of(providers) and not next(outcomes):
            raise RuntimeError("CUDA failure 2: out of memory")
        return Graphic(content, options, providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", nearly_full)
    engine = Engine(models, "auto")
    networks = engine._open("auto").together
    assert networks.classification is not None
    assert (networks.segmentation.provider, networks.classification.provider) == ("CPU", "CPU")
    assert engine.read([PICTURE])[0].provider == "CPU"


@pytest.mark.parametrize("kind", ["size", "exchanged"])
def test_a_whole_file_of_the_wrong_network_is_refused(models: Path, kind: str) -> None:
    raw = json.loads((models / "manifest.json").read_text())
    networks = raw["networks"]
    if kind == "size":
        networks["segmentation"]["input_size"] = 64
    else:
        networks["segmentation"], networks["classification"] = networks["classification"], networks["segmentation"]
    (models / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(ModelUnusable, match="other inputs or outputs") as refusal:
        Engine(models, "cpu").warm_up()
    assert refusal.value.code == "model_bad"
