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
class Origin:
    """Where the picture lay in its file's own frame, in pixels of the file.

    Attributes:
        top, left, height, width: the part that was read.
        file_height, file_width: the whole frame.
    """

    top: int
    left: int
    height: int
    width: int
    file_height: int
    file_width: int

    @classmethod
    def whole(cls, height: int, width: int) -> Origin:
        """A picture that is all of its file's frame."""
        return cls(0, 0, height, width, height, width)


@dataclass(frozen=True)
class Objection:
    """What in the file itself says that the networks were not made for its picture: a code and a sentence to show."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: uint8 `H x W`, 0 black to 255 white.
        kind: what the bytes were: one of `imaging.formats.validate.KINDS`.
        colour_share: share of pixels in 0..1 whose colour is not grey, before colours were dropped.
        spacing: where the file gives it.
        frame: which frame was read; frames: how many the file holds.
        notices: sentences fit to be shown, for instance "Text at the top edge was blanked".
        origin: where it lay in the file; None where that is all of the file's frame.
        objection: what the file says that speaks against reading it: the gate declines it for that.
    """

    pixels: Grey
    kind: str
    colour_share: float = 0.0
    spacing: Spacing | None = None
    frame: int = 0
    frames: int = 1
    notices: tuple[str, ...] = field(default=())
    origin: Origin | None = None
    objection: Objection | None = None

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def in_file(self) -> Origin:
        """Where it lay in the file's own frame."""
        return self.origin or Origin.whole(self.height, self.width)
