"""The picture as everything after the decoder knows it."""

from __future__ import annotations

from dataclasses import dataclass, field

from imaging.preprocess import Grey


@dataclass(frozen=True)
class Spacing:
    """Millimetres per pixel (square pixels) and where that number came from, in words fit to be shown."""

    mm_per_pixel: float
    source: str


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: uint8 `H x W`, 0 black to 255 white.
        kind: what the bytes were: png, jpeg, webp, bmp, tiff, gif or dicom.
        colour_share: share of pixels in 0..1 whose colour is not grey, before colours were dropped.
        spacing: where the file gives it.
        frame: which frame was read; frames: how many the file holds.
        notices: sentences fit to be shown, for instance "Text at the top edge was blanked".
    """

    pixels: Grey
    kind: str
    colour_share: float = 0.0
    spacing: Spacing | None = None
    frame: int = 0
    frames: int = 1
    notices: tuple[str, ...] = field(default=())

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])
