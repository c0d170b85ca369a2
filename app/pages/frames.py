"""Which frame of a file was read, and the numbers that lead to another."""

from __future__ import annotations

from dataclasses import dataclass

from app.tables import Image

_NOT_COUNTED = ("tiff", "gif")  # kinds whose files don't tell cheaply how many pictures they hold


@dataclass(frozen=True)
class FrameChoice:
    """Frames by number, counted from 1.

    Attributes:
        in_words: "3 of 5", or "3 of several".
        before, after: the neighbours of the one that was read; None at an end.
        last: None where the file's kind does not tell it.
    """

    in_words: str
    read: int
    before: int | None
    after: int | None
    last: int | None


def frame_choice(image: Image) -> FrameChoice | None:
    """What the page of an image says about frames; None where its file holds one picture."""
    if image.frames < 2:
        return None
    read, last = image.frame + 1, None if image.kind in _NOT_COUNTED else image.frames
    before = read - 1 if read > 1 else None
    after = None if read == last else read + 1
    return FrameChoice(frame_in_words(image), read, before, after, last)


def frame_in_words(image: Image) -> str:
    """Which frame was read, and of how many where the file's kind tells that cheaply: TIFF and GIF don't."""
    return f"{image.frame + 1} of {'several' if image.kind in _NOT_COUNTED else image.frames}"
