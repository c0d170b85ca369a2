"""The folded technical part of a result: what a colleague or an engineer asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.pages.frames import frame_in_words
from app.tables import Image
from imaging.picture import Origin

_STAGES = {
    "decode": "Decode",
    "segment": "Mask (segmentation)",
    "classify": "Class probabilities (classification)",
    "networks": "Mask and class probabilities (one graph)",
    "explain": "Heat map (class activation map)",
    "measure": "Measure",
    "store": "Store",
}
_PROVIDERS = {
    "OpenVINO": "CPU (OpenVINO)",
    "CUDA": "GPU (CUDA)",
    "TensorRT": "GPU (TensorRT)",
    "CUDAExecutionProvider": "GPU (CUDA)",
    "CPUExecutionProvider": "CPU",
}


@dataclass(frozen=True)
class Fact:
    """A name and a value with its unit."""

    name: str
    value: str


@dataclass(frozen=True)
class Technical:
    """Facts in groups: the picture, the networks, the limits, the time that each stage took."""

    picture: tuple[Fact, ...]
    networks: tuple[Fact, ...]
    limits: tuple[Fact, ...]
    stages: tuple[Fact, ...]


def technical(image: Image, findings: Mapping[str, Any], manifest: Mapping[str, Any]) -> Technical:
    """Gather the facts of an image's newest analysis.

    Args:
        manifest: of the networks that made it; empty when it is not at hand any more.
    """
    return Technical(_picture(image), _networks(findings), _limits(findings, manifest), _stages(findings))


def device_in_words(provider: str, precision: str) -> str:
    """Where the networks really ran, for instance "CPU, fp32"."""
    return f"{_PROVIDERS.get(provider, provider)}, {precision}"


def origin_in_words(image: Image) -> str | None:
    """Where the picture lay in the file's own frame; None where it is all of it."""
    if not image.origin:
        return None
    place = Origin(**image.origin)
    if place == Origin.whole(place.file_height, place.file_width):
        return None
    return (
        f"{place.width} × {place.height} px of the file's {place.file_width} × {place.file_height}, "
        f"from {place.left} px from the left and {place.top} px from the top"
    )


def _picture(image: Image) -> tuple[Fact, ...]:
    scale = "not given by the file"
    if image.spacing_mm:
        scale = f"{image.spacing_mm:.4f} mm per pixel ({image.spacing_source or 'given by the file'})"
    frame = (Fact("Frame", frame_in_words(image)),) if image.frames > 1 else ()
    size = Fact("Picture", f"{image.kind.upper()}, {image.width} × {image.height} px")
    part = origin_in_words(image)
    parts = (Fact("Part of the file", part),) if part else ()
    return (size, *parts, *frame, Fact("Scale", scale), Fact("Full reference", image.id))


def _networks(findings: Mapping[str, Any]) -> tuple[Fact, ...]:
    named = tuple(Fact(name, f"version {version}") for name, version in findings["models"].items())
    ran = Fact("Ran on", device_in_words(findings["provider"], findings["precision"]))
    return (*named, Fact("Set of networks", f"version {findings['models_version']}"), ran)


def _limits(findings: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[Fact, ...]:
    score = f"{findings['novelty']:.2f} (unfamiliar above {findings['novelty_limit']:.2f})"
    threshold = manifest.get("operating_points", {}).get("malignant", {}).get("threshold")
    operating = (
        (Fact("Operating point", f"'malignant' at {threshold:.3f} or more leads to 'soon'"),) if threshold else ()
    )
    exact = ", ".join(f"{label} {share:.4f}" for label, share in findings["probabilities"].items())
    groups = Fact("Groups that fit (conformal set)", ", ".join(findings["plausible"]))
    return (
        Fact("Class probabilities, calibrated", exact),
        groups,
        *operating,
        Fact("Out-of-distribution score", score),
    )


def _stages(findings: Mapping[str, Any]) -> tuple[Fact, ...]:
    taken = findings["milliseconds"]
    return tuple(Fact(_STAGES.get(name, name.capitalize()), f"{taken[name]:.0f} ms") for name in taken)
