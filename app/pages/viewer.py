"""What the picture viewer may read."""

from __future__ import annotations

from dataclasses import dataclass

from app.clinics.map_drawing import nice_step
from app.reading import layers
from app.tables import Image

LONGEST_BAR = 0.3  # of the picture's width
BAR_HEIGHT = 0.9  # where the scale bar lies, as a share of the picture's height


@dataclass(frozen=True)
class Layer:
    """A picture of the viewer: its name, and a version that changes with its content, for the cache."""

    name: str
    version: str


@dataclass(frozen=True)
class ScaleBar:
    """A bar of a round number of millimetres, in pixels of the picture."""

    left_px: float
    top_px: float
    length_px: float
    text_px: float
    text: str


@dataclass(frozen=True)
class Viewer:
    """The picture, the layers over it, and the bar where the file gave a scale."""

    height: int
    width: int
    picture: Layer
    overlays: tuple[Layer, ...]
    scale_bar: ScaleBar | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.overlays)


def viewer(image: Image) -> Viewer:
    """The viewer of an image; without an analysis it shows the bare picture."""
    analysis = image.reading
    names: tuple[str, ...] = ()
    if analysis is not None:
        names = (layers.OUTLINE, layers.FILL) if analysis.findings.get("lesion") else ()
        names += (layers.HEAT,) if analysis.heat_sha256 else ()
    return Viewer(
        height=image.height,
        width=image.width,
        picture=_layer(image, layers.PICTURE),
        overlays=tuple(_layer(image, name) for name in names),
        scale_bar=scale_bar(image.height, image.width, image.spacing_mm),
    )


def scale_bar(height: int, width: int, spacing_mm: float | None) -> ScaleBar | None:
    """A bar of 1, 2 or 5 times a power of ten millimetres, at most three tenths of the width; None without a scale."""
    if not spacing_mm:
        return None
    length_mm = nice_step(width * LONGEST_BAR * spacing_mm)
    text = f"{length_mm / 10:g} cm" if length_mm >= 10 else f"{length_mm:g} mm"
    return ScaleBar(width * 0.04, height * BAR_HEIGHT, length_mm / spacing_mm, width / 28, text)


def _layer(image: Image, name: str) -> Layer:
    return Layer(name, layers.key(image, name))
