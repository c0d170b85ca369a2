"""The pictures that are sent: synthetic ultrasound as PNG, another one for every request at almost no cost.

A server that knows a picture again answers from its store, which would measure nothing. So the first row of pixels
differs in every copy, and only that row is compressed anew: the rest of the PNG stream is made once. All are grey,
also in the form of colour, as BUSI's are.
"""

from __future__ import annotations

import math
import os
import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.phantom import speckle

BUSI, MEGAPIXEL = "busi", "1 MP"
BUSI_SIZE = (500, 570)  # height and width in px of a usual picture of that data set, published as 8-bit RGB PNG
_DRAWN_PIXELS = 1_000_000  # larger ones are enlarged from this, with noise: drawing 25 megapixels takes minutes
_DIM = bytes(number & 31 for number in range(256))
_ZLIB_HEADER = b"\x78\x9c"


class Specimen:
    """One picture as PNG, with a first row that `fresh` changes.

    Args:
        pixels: uint8 `H x W` (grey) or `H x W x 3`.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        height, width = pixels.shape[:2]
        rows = pixels.reshape(height, -1)
        channels = rows.shape[1] // width
        self._width, self._channels = width, channels
        self._rest = _filtered(rows[1:], channels)
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
        self._head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
        self._body = _chunk(b"IDAT", packer.compress(self._rest) + packer.flush())
        self._end = _chunk(b"IEND", b"")

    def fresh(self) -> bytes:
        """A PNG that has never been sent before."""
        greys = os.urandom(self._width).translate(_DIM)
        first = b"\0" + np.repeat(np.frombuffer(greys, dtype=np.uint8), self._channels).tobytes()
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        start = _ZLIB_HEADER + packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
        check = zlib.adler32(self._rest, zlib.adler32(first))
        return self._head + _chunk(b"IDAT", start) + self._body + _chunk(b"IDAT", struct.pack(">I", check)) + self._end


def specimens(kind: str) -> list[Specimen]:
    """Pictures to take turns with: "busi", or a size as "0.2 MP" (grey, 4:3)."""
    if kind == BUSI:
        return [Specimen(np.repeat(pixels[:, :, None], 3, axis=2)) for pixels in busi_like()]
    return [Specimen(of_megapixels(float(kind.removesuffix(" MP"))))]


def busi_like() -> list[NDArray[np.uint8]]:
    """Eight grey pictures of BUSI size: with a smooth lesion, an irregular one, and none."""
    lesions = ("oval", "irregular", "oval", None, "irregular", "oval", "irregular", "oval")
    return [speckle(seed, lesion, *BUSI_SIZE) for seed, lesion in enumerate(lesions)]


def of_megapixels(megapixels: float) -> NDArray[np.uint8]:
    """A grey 4:3 picture of that many million pixels."""
    height = round(math.sqrt(megapixels * 1e6 * 3 / 4))
    width = int(megapixels * 1e6 / height)
    shrink = max(1.0, math.sqrt(height * width / _DRAWN_PIXELS))
    drawn = speckle(1, "oval", round(height / shrink), round(width / shrink))
    if shrink == 1.0:
        return drawn
    enlarged = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(1).integers(0, 8, enlarged.shape, dtype=np.uint8)
    return np.asarray(cv2.add(enlarged, noise), dtype=np.uint8)


def _filtered(rows: NDArray[np.uint8], channels: int) -> bytes:
    """Rows as PNG stores them with the filter Sub, which looks only to the left: no row depends on the first."""
    stored = np.empty((rows.shape[0], rows.shape[1] + 1), dtype=np.uint8)
    stored[:, 0] = 1
    stored[:, 1 : channels + 1] = rows[:, :channels]
    stored[:, channels + 1 :] = rows[:, channels:] - rows[:, :-channels]
    return stored.tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
