"""Parts of pictures as further pictures, so that the shape of a picture does not betray its class.

A hospital's pictures have one shape, and squares beside lesions another. A network that learns from both as they are
can take the shape for the class (`picture_shape` measures it). Windows of the same shapes are therefore drawn around
lesions, beside them and from normal pictures. Their sizes differ still: beside a lesion there is less room.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imaging.postprocess import box_of
from imaging.preprocess import Box, Grey
from training.datasets.sample import Sample
from training.preparation.lesion_free import GAP, LESION_FREE, SMALLEST_SIDE, is_echo, square_beside, strip_beside

SHAPES = (0.6, 1.6)  # height over width; most of BUSI's pictures lie, most of BUS-BRA's stand
TRIES = 12
NOWHERE = Box(0, 0, 0, 0)


@dataclass(frozen=True)
class Window(Sample):
    """The part `window` (pixels of the whole picture) of another sample."""

    window: Box = NOWHERE

    def pixels(self) -> Grey:
        """uint8 `H x W` grey pixels of the window."""
        return np.ascontiguousarray(super().pixels()[self._slices()])

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """bool `height x width`, which is the window's own size."""
        assert (height, width) == (self.window.height, self.window.width)
        return super().mask(*super().pixels().shape)[self._slices()]

    def _slices(self) -> tuple[slice, slice]:
        return slice(self.window.top, self.window.bottom), slice(self.window.left, self.window.right)


def with_windows(samples: list[Sample], count: int) -> list[Sample]:
    """The samples, `count` windows of each that keep its lesion, and as many lesion-free ones of a lesion picture.

    Lesion-free windows are normal and of the source "lesion-free". Where no window can be drawn whose sides' geometric
    mean is at least 110 px, there are fewer. The same sample always gets the same windows.
    """
    return [view for sample in samples for view in (sample, *_windows_of(sample, count))]


def with_squares(samples: list[Sample]) -> list[Sample]:
    """The samples, and of each lesion picture the lesion-free square, where there is room for one."""
    pairs = ((sample, lesion_free_square(sample)) for sample in samples)
    return [one for pair in pairs for one in pair if one is not None]


def lesion_free_square(sample: Sample) -> Window | None:
    """The largest square beside the lesion, which is normal; None without a lesion or without room for it."""
    pixels = sample.pixels()
    square = square_beside(pixels, sample.mask(*pixels.shape))
    return None if square is None else _lesion_free(sample, square, "beside")


def _windows_of(sample: Sample, count: int) -> list[Window]:
    pixels = sample.pixels()
    height, width = pixels.shape
    digest = hashlib.sha256(f"{sample.source}/{sample.identifier}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    lesion, whole = box_of(sample.mask(height, width)), Box(0, 0, height, width)
    views = []
    for number in range(count):
        window = draw_window(whole, lesion, 2, generator)
        if window is not None:
            views.append(view(sample, window, f"window{number}"))
        beside = _beside(lesion, height, width, generator)
        if beside is not None and is_echo(pixels[beside.top : beside.bottom, beside.left : beside.right]):
            views.append(_lesion_free(sample, beside, f"beside{number}"))
    return views


def _lesion_free(sample: Sample, window: Box, suffix: str) -> Window:
    return replace(view(sample, window, suffix), source=LESION_FREE, label="normal")


def _beside(lesion: Box | None, height: int, width: int, generator: np.random.Generator) -> Box | None:
    """Large ones rather: windows with a lesion can't be as small, and magnification should tell little of the class."""
    return None if lesion is None else draw_window(strip_beside(lesion, height, width), None, 0.5, generator)


def view(sample: Sample, window: Box, suffix: str) -> Window:
    """A window of a sample as a sample of its own.

    Its name tells where it lies, so that a network trained on other windows is known to be another (see `provenance`).
    """
    place = f"{window.top}-{window.left}-{window.bottom}-{window.right}"
    return Window(**{**vars(sample), "identifier": f"{sample.identifier}_{suffix}_{place}", "window": window})


def draw_window(room: Box, kept: Box | None, tightness: float, generator: np.random.Generator) -> Box | None:
    """A window inside `room` that holds `kept` with a gap around it where there is room; None where none fits.

    Shape is drawn first, alike for all classes, then the size between the smallest and the largest that fit, then the
    place. The geometric mean of both sides is at least `SMALLEST_SIDE` px. `tightness` above 1 prefers small ones,
    below 1 large ones.
    """
    if kept is not None:
        kept = Box(
            max(room.top, kept.top - GAP),
            max(room.left, kept.left - GAP),
            min(room.bottom, kept.bottom + GAP),
            min(room.right, kept.right + GAP),
        )
    for _ in range(TRIES):
        shape = math.exp(generator.uniform(math.log(SHAPES[0]), math.log(SHAPES[1])))
        largest = min(room.height / math.sqrt(shape), room.width * math.sqrt(shape))
        smallest = float(SMALLEST_SIDE)
        if kept is not None:
            smallest = max(smallest, kept.height / math.sqrt(shape), kept.width * math.sqrt(shape))
        if smallest > largest:
            continue
        side = smallest + (largest - smallest) * generator.uniform() ** tightness
        height = min(room.height, math.ceil(side * math.sqrt(shape)))
        width = min(room.width, math.ceil(side / math.sqrt(shape)))
        top = _placed(room.top, room.bottom, height, None if kept is None else (kept.top, kept.bottom), generator)
        left = _placed(room.left, room.right, width, None if kept is None else (kept.left, kept.right), generator)
        return Box(top, left, top + height, left + width)
    return None


def _placed(low: int, high: int, length: int, kept: tuple[int, int] | None, generator: np.random.Generator) -> int:
    """Where `length` pixels begin between `low` and `high`, so that they hold `kept`."""
    first, last = low, high - length
    if kept is not None:
        first, last = max(first, kept[1] - length), min(last, kept[0])
    return int(generator.integers(first, last + 1))
