"""Uses every reader once, so that nothing is left to be imported or opened when somebody's bytes come.

A decoding child does this before it shuts itself in (`sandbox.py`): a module that is first wanted later would be
missing, and its picture refused as damaged.
"""

from __future__ import annotations

import codecs
import io
import struct

import numpy as np
from PIL import Image
from pydicom.charset import python_encoding
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from imaging.dicom import reading  # noqa: F401 - otherwise imported with the first DICOM file
from imaging.files.decode import decode
from imaging.formats import raster

_NAMES_IN_ZIP = "cp437"
_SIDE = 128  # px
_MOST = 1_000_000  # pixels
_KINDS: tuple[tuple[str, dict[str, str]], ...] = (
    ("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("BMP", {}), ("GIF", {}), ("TIFF", {"compression": "tiff_lzw"}),
    ("AVIF", {}), ("JPEG2000", {}),
)  # fmt: skip


def use_every_reader() -> None:
    """Import every reader and decode a made-up picture of each kind; a fraction of a second."""
    raster.load_readers()
    for name in {*python_encoding.values(), _NAMES_IN_ZIP}:
        codecs.lookup(name)
    grey = np.tile(np.arange(_SIDE, dtype=np.uint8), (_SIDE, 1))
    for image in (Image.fromarray(grey), Image.fromarray(np.dstack([grey, grey, grey[::-1]]))):
        for kind, options in _KINDS:
            decode(_encoded(image, kind, options), _MOST)
    decode(_dicom(ExplicitVRLittleEndian, _element(0x7FE00010, b"OB", grey.tobytes())), _MOST)
    decode(_dicom(RLELossless, _encapsulated(_rle(grey))), _MOST)
    decode(_dicom(JPEGBaseline8Bit, _encapsulated(_encoded(Image.fromarray(grey), "JPEG", {}))), _MOST)


def _encoded(image: Image.Image, kind: str, options: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _dicom(transfer_syntax: str, pixels: bytes) -> bytes:
    """The least that a DICOM file of `_SIDE` x `_SIDE` grey pixels needs."""
    syntax = _element(0x00020010, b"UI", transfer_syntax.encode())
    numbers = {0x00280002: 1, 0x00280010: _SIDE, 0x00280011: _SIDE, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7,
               0x00280103: 0}  # fmt: skip
    parts = {tag: _element(tag, b"US", struct.pack("<H", number)) for tag, number in numbers.items()}
    parts[0x00080060] = _element(0x00080060, b"CS", b"US")
    parts[0x00280004] = _element(0x00280004, b"CS", b"MONOCHROME2 ")
    parts[0x00280008] = _element(0x00280008, b"IS", b"1 ")
    body = b"".join(parts[tag] for tag in sorted(parts))
    length = _element(0x00020000, b"UL", struct.pack("<I", len(syntax)))
    return bytes(128) + b"DICM" + length + syntax + body + pixels


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    """A data element, explicit and little-endian, its value of even length."""
    value += b"\0" * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return head + (struct.pack("<xxI", len(value)) if vr == b"OB" else struct.pack("<H", len(value))) + value


def _encapsulated(frame: bytes) -> bytes:
    """Compressed pixels: an empty table of offsets, one fragment, the end of the sequence."""
    frame += b"\0" * (len(frame) % 2)
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame
    return struct.pack("<HH2sxxI", 0x7FE0, 0x10, b"OB", 0xFFFFFFFF) + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def _rle(grey: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> bytes:
    """One segment of literal runs, a row each."""
    segment = b"".join(bytes([_SIDE - 1]) + row.tobytes() for row in grey)
    return struct.pack("<16I", 1, 64, *[0] * 14) + segment
