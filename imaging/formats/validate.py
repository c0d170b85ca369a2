"""What a file is, told by its bytes, and whether its size can be accepted. Runs before any decoder.

A file's name and the type that the browser claims are never looked at.
"""

from __future__ import annotations

import struct

from imaging.errors import RefusedUpload

KINDS = ("png", "jpeg", "webp", "bmp", "tiff", "gif", "dicom")
ALLOWED = "PNG, JPEG, WebP, BMP, TIFF, GIF or DICOM (.dcm)"

# Below this side a lesion has too few pixels for any of our measurements; above this ratio it is a strip or a banner.
SMALLEST_SIDE_PX = 96
LONGEST_RATIO = 5.0

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)
_BMP_HEADER_SIZES = {12, 40, 52, 56, 64, 108, 124}
_DICOM_PREAMBLE = 128


def kind_of(content: bytes) -> str:
    """Name the kind of a file by its first bytes.

    Returns:
        One of `KINDS`.

    Raises:
        RefusedUpload: `empty_file` (422), `svg_not_allowed` (415), `not_an_image` (415) or `bad_dicom` (422).
    """
    if not content:
        raise RefusedUpload("empty_file", "The file is empty.", 422)
    if content.startswith(_MAGIC[0][0]):
        return "png"
    if content[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM":
        return "dicom"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    for magic, kind in _MAGIC:
        if content.startswith(magic) and (kind != "bmp" or _has_bmp_header(content)):
            return kind
    raise _unknown(content)


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


def _unknown(content: bytes) -> RefusedUpload:
    if b"<svg" in content[:4096].lower():
        return RefusedUpload("svg_not_allowed", f"SVG drawings are not accepted. Send {ALLOWED}.", 415)
    if _looks_like_bare_dicom(content):
        return RefusedUpload("bad_dicom", "This looks like a DICOM file whose header is missing.", 422)
    return RefusedUpload("not_an_image", f"This file is not a picture that we read. Send {ALLOWED}.", 415)


def _looks_like_bare_dicom(content: bytes) -> bool:
    """A DICOM data set without preamble starts with group 0002 or 0008, a low element, and a VR or a short length."""
    if len(content) < 12 or content[0] not in (0x02, 0x08) or content[1] != 0 or content[2] > 0x20 or content[3] != 0:
        return False
    return content[4:6].isalpha() or struct.unpack_from("<I", content, 4)[0] < 256
