"""What a file is, told by its bytes, and whether its size can be accepted. Runs before any decoder.

A file's name and the type that the browser claims are never looked at.
"""

from __future__ import annotations

import struct

from imaging.errors import RefusedUpload
from imaging.formats.foreign import refusal_of
from imaging.formats.jpeg import is_jpeg_ls

KINDS = ("png", "jpeg", "webp", "bmp", "tiff", "gif", "dicom", "heic", "avif", "jpeg2000", "jpegls")

# Below this side a lesion has too few pixels for any of our measurements; above this ratio it is a strip or a banner.
SMALLEST_SIDE_PX = 96
LONGEST_RATIO = 5.0

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
)
_BRANDS = {b"heic": "heic", b"heix": "heic", b"heim": "heic", b"heis": "heic", b"avif": "avif"}
_ANY_BRAND = {b"mif1", b"msf1"}  # of pictures: what codes them stands further on
_BMP_HEADER_SIZES = {12, 40, 52, 56, 64, 108, 124}
_DICOM_PREAMBLE = 128
_FIRST_GROUPS = {0x0002, 0x0008}
_LONG_VRS = {b"OB", b"OW", b"SQ", b"UN", b"UT"}
_LONGEST_ELEMENT = 4096
BARE_STARTS = (0, 1, _DICOM_PREAMBLE)  # where a data set may begin in a file without the letters DICM


def kind_of(content: bytes) -> str:
    """Name the kind of a file by its first bytes.

    Returns:
        One of `KINDS`.

    Raises:
        RefusedUpload: `empty_file` (422), `svg_not_allowed` or `not_an_image` (415).
    """
    if not content:
        raise RefusedUpload("empty_file", "The file is empty.", 422)
    if content.startswith(_MAGIC[0][0]):
        return "png"
    if content[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM":
        return "dicom"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpegls" if is_jpeg_ls(content) else "jpeg"
    for magic, kind in _MAGIC:
        if content.startswith(magic) and (kind != "bmp" or _has_bmp_header(content)):
            return kind
    if content[4:8] == b"ftyp" and (boxed := _boxed(content)):
        return boxed
    if any(begins_data_set(content, start) for start in BARE_STARTS):
        return "dicom"
    raise refusal_of(content)


def _boxed(content: bytes) -> str | None:
    """HEIC or AVIF, by the brands that a file of boxes names; None for a film."""
    brands = [content[start : start + 4] for start in (8, *range(16, min(128, _length(content)), 4))]
    if brands[0] not in _BRANDS and brands[0] not in _ANY_BRAND:
        return None
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)


def _length(content: bytes) -> int:
    return int.from_bytes(content[:4], "big")


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Accept or refuse a picture by the size in its header, in pixels.

    Raises:
        RefusedUpload: `too_many_pixels` (413), `too_small` or `odd_shape` (422).
    """
    if width * height > max_pixels:
        raise RefusedUpload(
            "too_many_pixels",
            f"The picture is {width} x {height} pixels; at most {max_pixels / 1e6:g} megapixels are read.",
            413,
        )
    if max(width, height) > LONGEST_RATIO * min(width, height):
        raise RefusedUpload(
            "odd_shape",
            f"The picture is {width} x {height} pixels; the longer side may be at most {LONGEST_RATIO:g} times "
            f"the shorter one, and each side needs at least {SMALLEST_SIDE_PX} pixels.",
        )
    if min(width, height) < SMALLEST_SIDE_PX:
        raise RefusedUpload(
            "too_small",
            f"The picture is {width} x {height} pixels; each side needs at least {SMALLEST_SIDE_PX} pixels.",
        )


def _has_bmp_header(content: bytes) -> bool:
    """Two letters are a weak sign: the length of the info header has to be one that exists, too."""
    return len(content) >= 18 and struct.unpack_from("<I", content, 14)[0] in _BMP_HEADER_SIZES


def begins_data_set(content: bytes, at: int = 0) -> bool:
    """Whether two data elements of a DICOM file stand here, of the groups that a file begins with, in rising order.

    For files without preamble: one element could be chance.
    """
    first = _element(content, at)
    second = None if first is None else _element(content, first[1])
    return first is not None and second is not None and first[0] < second[0]


def _element(content: bytes, at: int) -> tuple[int, int] | None:
    """Tag of the little-endian element at a place, and where it ends; None where none can stand there."""
    if at + 12 > len(content):
        return None
    group, element, vr, short = struct.unpack_from("<HH2sH", content, at)
    if group not in _FIRST_GROUPS or (group, element) == (0, 0):
        return None
    if vr in _LONG_VRS:
        length, head = struct.unpack_from("<I", content, at + 8)[0], 12
    elif vr.isalpha() and vr.isupper():
        length, head = short, 8
    else:
        length, head = struct.unpack_from("<I", content, at + 4)[0], 8
    if length > _LONGEST_ELEMENT:
        return None
    return group << 16 | element, at + head + length
