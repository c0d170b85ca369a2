"""What the markers of a JPEG stream say, before any decoder sees it (ITU-T T.81, T.87)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from imaging.errors import RefusedUpload
from imaging.formats.pieces import MOST_SEGMENTS, WITHOUT_LENGTH, segments, too_many

_SCAN, _END, _FILL = 0xDA, 0xD9, 0xFF
_ADOBE = 0xEE
_COLOUR_MARKERS = {(_ADOBE, b"Adob"), (0xE0, b"JFIF")}
_LS = 0xF7
_FRAMES = {*range(0xC0, 0xD0), _LS} - {0xC4, 0xC8, 0xCC}
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
CLOSING = bytes((0xFF, _END))
BROKEN_OFF = "The picture breaks off half way. Export or download it again."
_BLOCK = 64  # coefficients of a block


@dataclass(frozen=True)
class Frame:
    """The frame header of a JPEG.

    Attributes:
        kind: the number of its start-of-frame marker.
        says_its_colours: an Adobe or JFIF marker, or components named R, G, B, leave no doubt.
    """

    kind: int
    bits: int
    height: int
    width: int
    components: int
    says_its_colours: bool

    @property
    def is_ls(self) -> bool:
        """JPEG-LS."""
        return self.kind == _LS

    @property
    def is_lossless(self) -> bool:
        """Lossless JPEG of T.81, process 14."""
        return self.kind in _LOSSLESS

    @property
    def is_progressive(self) -> bool:
        return self.kind in _PROGRESSIVE


def frame_of(content: bytes) -> Frame:
    """The frame header.

    Raises:
        RefusedUpload: `damaged_image`, no JPEG, or one that ends before its header.
    """
    says = False
    for marker, body in _segments(content):
        says = says or (marker, body[:4]) in _COLOUR_MARKERS
        if marker in _FRAMES and len(body) >= 6:
            bits, height, width, count = struct.unpack_from(">BHHB", body)
            return Frame(marker, bits, height, width, count, says or body[6 : 6 + 3 * count : 3] == b"RGB")
    raise RefusedUpload("damaged_image", "The picture is damaged or incomplete. Export or download it again.")


def is_jpeg_ls(content: bytes) -> bool:
    """Whether a stream that begins as a JPEG is JPEG-LS, which is coded in another way."""
    return any(marker == _LS for marker, _ in _segments(content))


def with_adobe_marker(content: bytes, transform: bytes) -> bytes:
    """The same stream, which now says what its colours are: transform 0 none, 1 luma and chroma."""
    segment = b"Adobe\0\x64\0\0\0\0" + transform
    return content[:2] + bytes((0xFF, _ADOBE)) + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def check_whole(content: bytes) -> None:
    """Refuse a JPEG whose pixels break off, be it that somebody closed it with an end marker.

    Its reader says so in a warning and fills what is missing; a reader that stops at warnings is asked first.

    Raises:
        RefusedUpload: `damaged_image`.
    """
    import simplejpeg  # with the first JPEG

    whole = content if content.rstrip(b"\0").endswith(CLOSING) else content + CLOSING
    try:
        simplejpeg.decode_jpeg(whole, "GRAY", strict=True)
    except ValueError as error:
        if "premature end" in str(error).lower():
            raise RefusedUpload("damaged_image", BROKEN_OFF) from None
    if frame_of(content).is_progressive and not is_whole_progressive(content):
        raise RefusedUpload("damaged_image", BROKEN_OFF)


def is_whole_progressive(content: bytes) -> bool:
    """Whether the scans of a progressive JPEG bring every coefficient of every component to its last bit.

    A file that breaks off and is closed by an end marker lacks scans; a decoder shows what there is, and says nothing.
    """
    finished: dict[int, set[int]] = {}
    names: list[int] = []
    for marker, body in _segments(content, past_scans=True):
        if marker in _FRAMES:
            names = list(body[6 : 6 + 3 * body[5] : 3])
        if marker == _SCAN and len(body) >= 4:
            count = body[0]
            first, last, approximation = body[1 + 2 * count : 4 + 2 * count]
            for name in body[1 : 1 + 2 * count : 2]:
                if approximation & 0x0F == 0:
                    finished.setdefault(name, set()).update(range(first, min(last, _BLOCK - 1) + 1))
    return bool(names) and all(len(finished.get(name, ())) == _BLOCK for name in names)


def _segments(content: bytes, past_scans: bool = False) -> list[tuple[int, bytes]]:
    """Markers and what they hold, up to the first scan or past all of them.

    Raises:
        RefusedUpload: `too_many_pieces` (422).
    """
    found = list[tuple[int, bytes]]()
    for number, (marker, start) in enumerate(segments(content)):
        if number > MOST_SEGMENTS:
            raise too_many()
        if marker == _FILL or marker in WITHOUT_LENGTH:
            continue
        (length,) = struct.unpack_from(">H", content, start - 2)
        found.append((marker, content[start : start - 2 + length]))
        if marker == _SCAN and not past_scans:
            break
    return found
