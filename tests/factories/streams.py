"""Compressed streams that no library here writes, made by hand: lossless JPEG (ITU-T T.81, process 14)."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_CATEGORIES = range(17)  # of differences, by the number of their bits


def lossless_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Uint8 `H x W` or `H x W x 3` as lossless JPEG with predictor 1 (the left neighbour), without colour markers."""
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    height, width, count = planes.shape
    components = b"".join(bytes((number, 0x11, 0)) for number in range(1, count + 1))
    frame = struct.pack(">BHHB", 8, height, width, count) + components
    # Every category gets a code of five bits: 17 of 32.
    table = bytes((0, 0, 0, 0, 0, len(_CATEGORIES), *[0] * 11)) + bytes(_CATEGORIES)
    scan = bytes((count,)) + b"".join(bytes((number, 0)) for number in range(1, count + 1)) + b"\1\0\0"
    segments = _segment(0xC3, frame) + _segment(0xC4, table) + _segment(0xDA, scan)
    return b"\xff\xd8" + segments + _coded(planes.astype(np.int32)) + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _coded(planes: NDArray[np.int32]) -> bytes:
    predicted = np.empty_like(planes)
    predicted[:, 1:] = planes[:, :-1]
    predicted[1:, 0] = planes[:-1, 0]
    predicted[0, 0] = 128
    bits = "".join(_code(int(difference)) for difference in (planes - predicted).ravel())
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def _code(difference: int) -> str:
    size = abs(difference).bit_length()
    if size == 0:
        return "00000"
    value = difference if difference > 0 else difference + (1 << size) - 1
    return f"{size:05b}{value:0{size}b}"
