"""The whole files that the fuzz starts from, and where each format keeps its parts and its lengths."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import openjpeg
from jpeg_ls import encode_array
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.factories import pictures
from tests.factories.streams import HEIC, HTJ2K_COLOUR, HTJ2K_DEEP, HTJ2K_GREY, RAMP, lossless_jpeg

_DICOM_START, _META_LENGTH_AT = 132, 140
_BOXES_OF_BOXES = {b"jp2h": 0, b"meta": 4, b"iprp": 0, b"ipco": 0}  # bytes between a box's head and its boxes
_CODESTREAM = b"\xff\x4f\xff\x51"
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
    dicoms = [_named(content) for content in _dicoms()]
    return (
        *_rasters(), *_younger_rasters(), *(("dicom", content) for content in dicoms),
        *(("bare", content[_DICOM_START:]) for content in dicoms),
        *(("bare", content[_end_of_meta(content) :]) for content in dicoms[:2]),
        *(("deflated", deflated(_said_deflated(content))) for content in dicoms[:1] + dicoms[3:4]),
    )  # fmt: skip


def parts(kind: str, content: bytes) -> list[Part]:
    """The parts of a whole file."""
    return list(_WALKS[kind](content))


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


def _younger_rasters() -> Iterator[tuple[str, bytes]]:
    """Of the kinds that are read since 0.2.0."""
    grey = pictures.ultrasound(height=100, width=110)
    colour, deep = pictures.colour(grey), grey.astype(np.uint16) * 257
    yield "heic", HEIC
    yield "avif", pictures.encoded(colour, "AVIF", quality=60)
    yield "avif", pictures.encoded(Image.fromarray(np.dstack([colour, grey])), "AVIF", speed=10, exif=_exif())
    yield "jpeg2000", pictures.encoded(grey, "JPEG2000")
    yield "jpeg2000", pictures.encoded(colour, "JPEG2000", irreversible=True, quality_layers=[20])
    yield "jpeg2000", _codestream(deep)
    yield "jpeg2000", HTJ2K_COLOUR
    yield "jpeg2000", HTJ2K_DEEP
    yield "jpegls", bytes(encode_array(grey))
    yield "jpegls", bytes(encode_array(deep))
    yield "jpegls", bytes(encode_array(colour))
    yield "tiff", pictures.encoded(grey, "TIFF", big_tiff=True)
    yield "tiff", pictures.encoded(colour, "TIFF", big_tiff=True, compression="tiff_lzw")
    yield "tiff", pictures.encoded(colour, "TIFF", save_all=True, append_images=[Image.fromarray(deep)])
    yield "gif", pictures.encoded(Image.fromarray(grey), "GIF", save_all=True, append_images=[Image.fromarray(colour)])
    yield "bmp", pictures.encoded(colour, "BMP")


def _codestream(pixels: NDArray[Any]) -> bytes:
    return bytes(openjpeg.encode(pixels, photometric_interpretation=1 if pixels.ndim == 3 else 2))


def deflated(content: bytes) -> bytes:
    """What follows the meta group of a DICOM file, deflated: damage that was done before gets as far as the parser."""
    begin = _end_of_meta(content)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return content[:begin] + deflater.compress(content[begin:]) + deflater.flush()


def inflated(content: bytes) -> bytes:
    """What `deflated` was given."""
    begin = _end_of_meta(content)
    return content[:begin] + zlib.decompress(content[begin:], wbits=-zlib.MAX_WBITS)


def _end_of_meta(content: bytes) -> int:
    return _META_LENGTH_AT + 4 + int.from_bytes(content[_META_LENGTH_AT : _META_LENGTH_AT + 4], "little")


def _said_deflated(content: bytes) -> bytes:
    """The same file under the transfer syntax of deflated ones, its data set as it was."""
    dataset = dcmread(io.BytesIO(content))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return inflated(pictures.written(dataset))


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
    yield pictures.dicom(grey, JPEGLosslessSV1, body=encapsulate([lossless_jpeg(grey)]))
    yield pictures.dicom(grey, JPEGLSLossless, body=encapsulate([bytes(encode_array(grey))]))
    yield pictures.dicom(colour, JPEG2000Lossless, body=encapsulate([_codestream(colour)]))
    yield pictures.dicom(RAMP, HTJ2KLossless, body=encapsulate([HTJ2K_GREY]))
    for whole in (colour, grey.astype(np.uint16) * 257):
        packed = dcmread(io.BytesIO(pictures.dicom(whole)))
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
    """Where the next segment begins: 0xFF, and neither stuffing (a zero, in JPEG-LS a bit) nor a restart marker."""
    while start + 1 < len(content):
        if content[start] == 0xFF and content[start + 1] >= 0x80 and not 0xD0 <= content[start + 1] <= 0xD7:
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
    """The entries of the first directory: tag, type, count, value or offset. 12 bytes each, in a BigTIFF 20."""
    order, is_big = ">" if content.startswith(b"MM") else "<", 43 in content[2:4]
    size, number_size, at = (8, 8, 8) if is_big else (4, 2, 4)
    directory = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", content, at)[0]
    for number in range(struct.unpack_from(f"{order}{'Q' if is_big else 'H'}", content, directory)[0]):
        start = directory + number_size + (4 + 2 * size) * number
        end = start + 4 + 2 * size
        yield Part(start, end, start + 4, size, order == ">")
        yield Part(start, end, start + 4 + size, size, order == ">")


def _boxes(content: bytes) -> Iterator[Part]:
    """The boxes of ISO base media and JPEG 2000 files and the boxes within, and the segments of a codestream."""
    if content.startswith(_CODESTREAM):
        yield from _codestream_segments(content, 0)
    else:
        yield from _boxes_between(content, 0, len(content))


def _boxes_between(content: bytes, start: int, stop: int) -> Iterator[Part]:
    while start + 8 <= stop:
        length, name = struct.unpack_from(">I4s", content, start)
        end = start + length if length >= 8 else stop
        yield Part(start, end, start, 4, True)
        if name in _BOXES_OF_BOXES:
            yield from _boxes_between(content, start + 8 + _BOXES_OF_BOXES[name], min(end, stop))
        if content.startswith(_CODESTREAM, start + 8):
            yield from _codestream_segments(content, start + 8)
        start = end


def _codestream_segments(content: bytes, start: int) -> Iterator[Part]:
    """The segments of a JPEG 2000 codestream's head, after its first two bytes, up to the first tile's data."""
    start += 2
    while start + 4 <= len(content) and content[start] == 0xFF and content[start + 1] != 0x93:
        end = start + 2 + struct.unpack_from(">H", content, start + 2)[0]
        yield Part(start, end, start + 2, 2, True)
        start = end


def _fields(content: bytes) -> Iterator[Part]:
    """Of formats whose parts have no lengths: four bytes each of the head."""
    for start in range(0, min(len(content), 60), 4):
        yield Part(start, start + 4, start, 4, False)


def _elements(content: bytes) -> Iterator[Part]:
    """The elements up to the pixels: as explicit VR, which the file meta group always has."""
    start = _DICOM_START if content[_DICOM_START - 4 : _DICOM_START] == b"DICM" else 0
    while start + 12 <= len(content):
        is_long = content[start + 4 : start + 6] in _LONG_VALUES
        at, size = (start + 8, 4) if is_long else (start + 6, 2)
        length = int.from_bytes(content[at : at + size], "little")
        end = start + (12 if is_long else 8) + length
        if end > len(content):
            return
        yield Part(start, end, at, size, False)
        start = end


_WALKS = {
    "png": _png, "jpeg": _jpeg, "jpegls": _jpeg, "webp": _riff, "tiff": _tiff, "dicom": _elements, "bare": _elements,
    "deflated": _elements, "heic": _boxes, "avif": _boxes, "jpeg2000": _boxes, "gif": _fields, "bmp": _fields,
}  # fmt: skip
KINDS = tuple(_WALKS)
