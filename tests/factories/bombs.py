"""Files that are small, or within the limits, and yet keep a reader busy: each is built of endless cheap pieces."""

from __future__ import annotations

import io
import struct

from PIL import Image
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from tests.factories import pictures

_SIDE = 128  # px: EOB14, the longest run that a progressive JPEG knows, covers its 256 blocks


def jpeg_scans(count: int, height: int = _SIDE, width: int = _SIDE) -> bytes:
    """A progressive JPEG with so many scans, of which all but the first ones hold nothing."""
    blocks = -(-height // 8) * -(-width // 8)
    table = b"\xff\xc4" + struct.pack(">H", 20) + b"\x10" + bytes([1, *[0] * 15]) + b"\xe0"  # one code, "0": EOB14
    runs, bits = -(-blocks // 16384), ""
    for run in range(runs):
        bits += "0" + f"{min(16383, blocks - run * 16384 - 1) if run == runs - 1 else 0:014b}"
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x10" + data  # refines: looks at every coefficient for one to refine
    grey = Image.new("L", (width, height), 90)
    whole = pictures.encoded(grey, "JPEG", progressive=True)
    return whole[:-2] + table + scan * count + whole[-2:]


def jpeg_fill(size: int) -> bytes:
    """A JPEG with so many fill bytes before its second segment."""
    whole = _jpeg()
    return whole[:2] + b"\xff" * size + whole[2:]


def jpeg_comments(count: int) -> bytes:
    """A JPEG with so many empty comments."""
    whole = _jpeg()
    return whole[:2] + b"\xff\xfe\x00\x02" * count + whole[2:]


def jpeg_comments_between_scans(count: int) -> bytes:
    """A JPEG with so many empty comments after its picture."""
    whole = pictures.encoded(Image.new("L", (_SIDE, _SIDE), 90), "JPEG", progressive=True)
    return whole[:-2] + b"\xff\xfe\x00\x02" * count + whole[-2:]


def png_chunks(count: int, name: bytes = b"IDAT") -> bytes:
    """A PNG with so many empty chunks of a name before its pixels."""
    whole = pictures.encoded(Image.new("L", (_SIDE, _SIDE), 90))
    start = whole.index(b"IDAT") - 4
    return whole[:start] + pictures.png_chunk(name, b"") * count + whole[start:]


def gif_blocks(count: int) -> bytes:
    """A GIF with a comment of so many blocks of one byte."""
    whole = _gif()
    start = whole.index(b",\0\0\0\0")
    return whole[:start] + b"!\xfe" + b"\x01a" * count + b"\0" + whole[start:]


def gif_extensions(count: int) -> bytes:
    """A GIF with so many empty comments."""
    whole = _gif()
    start = whole.index(b",\0\0\0\0")
    return whole[:start] + b"!\xfe\0" * count + whole[start:]


def gif_data(count: int) -> bytes:
    """A GIF with so many blocks of one byte after the pixels of its first picture."""
    whole = _gif()
    return whole[:-2] + b"\x01a" * count + whole[-2:]


def bmp_lines(count: int) -> bytes:
    """A run-length BMP with so many ends of lines that hold nothing."""
    whole = pictures.encoded(Image.new("L", (_SIDE, _SIDE), 90), "BMP")
    header = bytearray(whole[: struct.unpack_from("<I", whole, 10)[0]])
    struct.pack_into("<I", header, 30, 1)
    return bytes(header) + b"\0\0" * count + b"\x01\x5a" * _SIDE * _SIDE + b"\0\1"


def tiff_tags(count: int, size: int) -> bytes:
    """A TIFF with so many entries, each of which points at all of its `size` bytes."""
    return _tiff([(40000 + number % 20000, 7, size, 8) for number in range(count)], size)


def tiff_strips(count: int) -> bytes:
    """A TIFF that says that its pixels lie in so many strips."""
    return _tiff([(273, 4, count, 8), (278, 3, 1, 1), (279, 4, count, 8)], 4 * count)


def tiff_jpeg(count: int, height: int, width: int) -> bytes:
    """A TIFF whose one strip is a progressive JPEG of so many scans."""
    body = jpeg_scans(count, height, width)
    return _tiff([(259, 3, 1, 7), (273, 4, 1, 8), (278, 4, 1, height), (279, 4, 1, len(body))], 0, body, height, width)


def _tiff(
    entries: list[tuple[int, int, int, int]], size: int, body: bytes = b"", height: int = _SIDE, width: int = _SIDE
) -> bytes:
    usual = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
             (277, 3, 1, 1), (278, 3, 1, height), (279, 4, 1, _SIDE * _SIDE)]  # fmt: skip
    given = {entry[0] for entry in entries}
    every = sorted([*(entry for entry in usual if entry[0] not in given), *entries])
    pixels = body or bytes(max(size, _SIDE * _SIDE))
    pixels += b"\0" * (len(pixels) % 2)
    directory = struct.pack("<H", len(every)) + b"".join(struct.pack("<HHII", *entry) for entry in every) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory


def exif_tags(kind: str, count: int, size: int) -> bytes:
    """A PNG or WebP whose Exif block has so many entries, each of which points at all of its `size` bytes."""
    block = _tiff([(40000 + number % 20000, 7, size, 8) for number in range(count)], size)
    return pictures.encoded(Image.new("L", (_SIDE, _SIDE), 90), kind, exif=b"Exif\0\0" + block)


def webp_frames(count: int) -> bytes:
    """An animated WebP with so many frames."""
    still = pictures.encoded(Image.new("RGB", (_SIDE, _SIDE), 90), "WEBP")[12:]
    size = (_SIDE - 1).to_bytes(3, "little")
    frame = bytes(6) + size + size + bytes([40, 0, 0, 0]) + still
    chunk = b"ANMF" + struct.pack("<I", len(frame)) + frame + b"\0" * (len(frame) % 2)
    head = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + size + size
    body = b"WEBP" + head + b"ANIM" + struct.pack("<I", 6) + bytes(6) + chunk * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


def dicom_elements(count: int) -> bytes:
    """A DICOM file with so many empty elements before its pixels."""
    return _dicom_with(struct.pack("<HHI", 0x0029, 0x1000, 0) * count)


def dicom_items(count: int) -> bytes:
    """A DICOM file with a sequence of so many empty items, of undefined length."""
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * count
    return _dicom_with(struct.pack("<HHI", 0x0008, 0x1140, 0xFFFFFFFF) + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def dicom_regions(count: int) -> bytes:
    """A DICOM file with so many ultrasound regions, each empty."""
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * count
    return _dicom_with(struct.pack("<HHI", 0x0018, 0x6011, len(items)) + items)


def dicom_fragments(count: int) -> bytes:
    """A DICOM file whose compressed pixels come in so many empty fragments."""
    body = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * (count + 1) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return pictures.dicom(pictures.ultrasound(), RLELossless, body=body)


def _dicom_with(elements: bytes) -> bytes:
    whole = pictures.dicom(pictures.ultrasound(), ImplicitVRLittleEndian)
    start = whole.index(struct.pack("<HH", 0x0028, 0x0002))
    return whole[:start] + elements + whole[start:]


def _jpeg() -> bytes:
    return pictures.encoded(Image.new("L", (_SIDE, _SIDE), 90), "JPEG")


def _gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (_SIDE, _SIDE), 90).save(buffer, "GIF")
    return buffer.getvalue()
