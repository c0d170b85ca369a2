"""One rule each for turning colours, depths and transparency into uint8 grey.

- Colour becomes luma by ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), as Pillow's `convert("L")` rounds it.
- 9 to 16 stored bits keep their 8 highest bits: the full range of the type is scaled, never the range that happens
  to occur in a picture, so that the same echo always has the same grey.
- 16-bit values of which none needs more than 8, 10 or 12 bits are read as of so many bits, and a notice says so.
- Transparent pixels are laid on black.
- One tint over the whole picture is no colour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.formats.colour import Colours
from imaging.preprocess import Grey

_SAMPLED_PIXELS = 1_000_000
LEAST_DEVIATION = 8.0  # standard deviation of greys below which nothing can be seen; the gate's limit, too
TINTED = "The picture has one tint of colour all over, and was read in grey."
_FEW_BITS = (8, 10, 12)
_SAMPLED_SIDE = 512
_BAND_PIXELS = 1_000_000  # in colour at a time: the largest picture in all its forms at once would take 500 MB


def grey_of_rgb(
    height: int, width: int, band_of: Callable[[int, int], Image.Image]
) -> tuple[Grey, float, tuple[str, ...]]:
    """Luma of a picture in red, green and blue, its share of coloured pixels, and notices.

    One tint over all of it counts as no colour, and a notice says so.

    Large pictures are sampled on a regular grid for the share. Only one band is there in colour at a time.

    Args:
        band_of: makes the rows from the first number up to the second as an image of mode RGB.
    """
    rows, columns = _sampling_grid(height, width)
    colours = Colours()

    def luma(top: int, bottom: int) -> Grey:
        band = band_of(top, bottom)
        pixels = np.asarray(band)
        red, green, blue = planes = [np.asarray(plane, dtype=np.uint8) for plane in cv2.split(pixels)]
        if np.array_equal(red, green) and np.array_equal(green, blue):  # most are grey in the form of colour
            colours.add_grey(red)
            return red  # its own luma, to the bit
        if rows.size * columns.size < height * width:
            sample = np.ix_(rows[(rows >= top) & (rows < bottom)] - top, columns)
            planes = [plane[sample] for plane in planes]
        if planes[0].size:  # a band may hold none of the sample's rows
            colours.add(*planes)
        return np.asarray(band.convert("L"))

    grey = in_bands(height, width, luma)
    return (grey, 0.0, (TINTED,)) if colours.is_tint else (grey, colours.coloured / (rows.size * columns.size), ())


def in_bands(height: int, width: int, grey_of: Callable[[int, int], Grey]) -> Grey:
    """Fill uint8 `height x width` some rows at a time, so that what leads to them never is there for all at once."""
    grey = np.empty((height, width), dtype=np.uint8)
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        grey[top:bottom] = grey_of(top, bottom)
    return grey


def _sampling_grid(height: int, width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows and columns of about a million pixels, as Pillow's nearest-neighbour resize takes them; small: all."""
    step = max(1, round((width * height / _SAMPLED_PIXELS) ** 0.5))
    row = Image.fromarray(np.arange(width, dtype=np.int32)[None, :])
    column = Image.fromarray(np.arange(height, dtype=np.int32)[:, None])
    rows = column.resize((1, max(1, height // step)), Image.Resampling.NEAREST)
    columns = row.resize((max(1, width // step), 1), Image.Resampling.NEAREST)
    return np.asarray(rows)[:, 0], np.asarray(columns)[0]


def grey_of_stored(values: NDArray[Any], bits: int, is_signed: bool) -> Grey:
    """Scale 8- or 16-bit integers with `bits` stored bits (1 to 16) by the full range of their type to uint8."""
    if bits == 8 and values.dtype == np.uint8:
        return values

    def scaled(every: NDArray[np.int32]) -> NDArray[Any]:
        clipped = np.clip(every + (1 << (bits - 1) if is_signed else 0), 0, (1 << bits) - 1)
        return clipped >> (bits - 8) if bits >= 8 else clipped * (255.0 / ((1 << bits) - 1))

    return looked_up(values, scaled)


def bits_in_use(values: NDArray[Any], bits: int) -> tuple[int, tuple[str, ...]]:
    """How many of the `bits` stored ones 16-bit values use: 8, 10 or 12 where no value needs more, else all of them.

    Returns:
        The number of bits, and a notice where it is smaller.
    """
    if values.dtype.itemsize == 1 or int(values.min()) < 0:
        return bits, ()
    used = next((few for few in _FEW_BITS if few < bits and int(values.max()) < 1 << few), bits)
    if used == bits or values.min() == values.max():
        return bits, ()
    return used, (f"The picture uses only {used} of its {bits} bits, and its greys were read so.",)


def is_empty(pixels: Grey) -> bool:
    """Whether uint8 `H x W` pixels are nearly one shade of grey, so that another frame or window is to be tried."""
    rows, columns = (max(1, side // _SAMPLED_SIDE) for side in pixels.shape)
    return float(pixels[::rows, ::columns].std()) < LEAST_DEVIATION


def looked_up(values: NDArray[Any], function: Callable[[NDArray[np.int32]], NDArray[Any]]) -> Grey:
    """Compute `function` once for each value that the type can hold, and look every pixel up: little memory, fast."""
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    every = np.arange(1 << (8 * unsigned.itemsize), dtype=unsigned)
    table = np.rint(function(every.view(values.dtype.newbyteorder("=")).astype(np.int32))).astype(np.uint8)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return np.asarray(table[native.view(unsigned)], dtype=np.uint8)
