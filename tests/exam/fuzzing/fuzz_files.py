"""The whole files that the fuzz starts from, and where each format keeps its parts and its lengths."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from tests.factories import pictures

_DICOM_START, _TIFF_TYPES = 132, {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
_LONG_VALUES = {b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF"}


@dataclass(frozen=True)
class Part:
    """One chunk, segment or element of a file: `start` to `end` (exclusive), and where its length field lies."""

    start: int
    end: int
    length_at: int
    length_bytes: int
    is_big_endian: bool


@cache
def wholes() -> tuple[tuple[str, bytes], ...]:
    """Kind and bytes of every whole file; the same bytes in every run."""
    return (*_rasters(), *(("dicom", _named(content)) for content in _dicoms()))


def parts(kind: str, content: bytes) -> list[Part]:
    """The parts of a whole file."""
    walk = {"png": _png, "jpeg": _jpeg, "webp": _riff, "tiff": _tiff, "dicom": _elements}[kind]
    return list(walk(content))


def _rasters() -> Iterator[tuple[str, bytes]]:
    grey = pictures.ultrasound(height=100, width=110)
    colour, deep = pictures.colour(grey), grey.astype(np.uint16) * 257
    clear = Image.fromarray(np.dstack([colour, grey]))
    yield "png", pictures.encoded(grey)
    yield "png", pictures.encoded(deep)
    yield "png", pictures.encoded(Image.fromarray(grey).quantize(64))
    yield "png", pictures.encoded(clear, dpi=(96, 96), exif=_exif())
    yield "jpeg", pictures.encoded(grey, "JPEG", quality=80)
    yield "jpeg", pictures.encoded(colour, "JPEG", progressive=True, exif=_exif())
    yield "jpeg", pictures.encoded(Image.fromarray(colour).convert("CMYK"), "JPEG")
    yield "webp", pictures.encoded(colour, "WEBP", quality=70)
    yield "webp", pictures.encoded(clear, "WEBP", lossless=True, exif=_exif())
    yield "tiff", pictures.encoded(grey, "TIFF")
    yield "tiff", pictures.encoded(deep, "TIFF", compression="tiff_lzw")
    yield "tiff", pictures.encoded(colour, "TIFF", compression="tiff_adobe_deflate")
    yield "tiff", pictures.encoded(colour, "TIFF", compression="jpeg")
    yield "tiff", pictures.encoded(Image.fromarray(grey > 90), "TIFF", compression="group4")


def _dicoms() -> Iterator[bytes]:
    grey = pictures.ultrasound(height=100, width=110)
    colour = pictures.colour(grey)
    yield pictures.dicom(grey, WindowCenter="128", WindowWidth="256")
    yield pictures.dicom(grey, ImplicitVRLittleEndian)
    yield pictures.dicom(grey.astype(np.uint16) * 257, ExplicitVRBigEndian)
    yield pictures.dicom(colour, SequenceOfUltrasoundRegions=[pictures.region(2, 2, 107, 97)])
    yield pictures.dicom(colour, interpretation="YBR_FULL_422", body=bytes(grey.size * 2))
    yield pictures.dicom(np.stack([grey] * 3), NumberOfFrames=3)
    yield pictures.dicom(grey, JPEGBaseline8Bit, body=encapsulate([pictures.encoded(grey, "JPEG")]))
    packed = dcmread(io.BytesIO(pictures.dicom(colour)))
    packed.compress(RLELossless, generate_instance_uid=False)
    yield pictures.written(packed)
    table = {f"{name}PaletteColorLookupTableData": np.arange(256).astype("<u2").tobytes() for name in _CHANNELS}
    sizes = {f"{name}PaletteColorLookupTableDescriptor": [256, 0, 16] for name in _CHANNELS}
    yield pictures.dicom(grey, interpretation="PALETTE COLOR", **table, **sizes)


_CHANNELS = ("Red", "Green", "Blue")


def _named(content: bytes) -> bytes:
    """The same file under a fixed name: a new one each time would make no two runs alike."""
    dataset = dcmread(io.BytesIO(content))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    return pictures.written(dataset)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    return exif


def _png(content: bytes) -> Iterator[Part]:
    start = 8
    while start + 12 <= len(content):
        end = start + 12 + struct.unpack_from(">I", content, start)[0]
        yield Part(start, end, start, 4, True)
        start = end


def _jpeg(content: bytes) -> Iterator[Part]:
    start = 2
    while start + 4 <= len(content) and content[start] == 0xFF and content[start + 1] != 0xD9:
        end = start + 2 + struct.unpack_from(">H", content, start + 2)[0]
        yield Part(start, end, start + 2, 2, True)
        if content[start + 1] == 0xDA:
            end = _after_scan(content, end)
        start = end


def _after_scan(content: bytes, start: int) -> int:
    """Where the next segment begins: 0xFF, and neither a stuffed zero nor a restart marker after it."""
    while start + 1 < len(content):
        if content[start] == 0xFF and content[start + 1] != 0 and not 0xD0 <= content[start + 1] <= 0xD7:
            return start
        start += 1
    return start


def _riff(content: bytes) -> Iterator[Part]:
    yield Part(0, 12, 4, 4, False)
    start = 12
    while start + 8 <= len(content):
        length = struct.unpack_from("<I", content, start + 4)[0]
        end = start + 8 + length + length % 2
        yield Part(start, end, start + 4, 4, False)
        start = end


def _tiff(content: bytes) -> Iterator[Part]:
    """The entries of the first directory: 12 bytes each, tag, type, count, value or offset."""
    order = ">" if content.startswith(b"MM") else "<"
    directory = struct.unpack_from(f"{order}I", content, 4)[0]
    for number in range(struct.unpack_from(f"{order}H", content, directory)[0]):
        start = directory + 2 + 12 * number
        yield Part(start, start + 12, start + 4, 4, order == ">")
        yield Part(start, start + 12, start + 8, 4, order == ">")


def _elements(content: bytes) -> Iterator[Part]:
    """The elements up to the pixels: as explicit VR, which the file meta group always has."""
    start = _DICOM_START
    while start + 12 <= len(content):
        is_long = content[start + 4 : start + 6] in _LONG_VALUES
        at, size = (start + 8, 4) if is_long else (start + 6, 2)
        length = int.from_bytes(content[at : at + size], "little")
        end = start + (12 if is_long else 8) + length
        if end > len(content):
            return
        yield Part(start, end, at, size, False)
        start = end
