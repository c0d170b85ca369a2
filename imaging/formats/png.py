"""PNG chunk by chunk, before Pillow sees it: checksums that Pillow leaves out, and nothing but what pixels need."""

from __future__ import annotations

import struct
import zlib

from imaging.errors import RefusedUpload
from imaging.formats.pieces import too_many
from imaging.formats.validate import check_size

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Animation chunks stay, so that it can be said that there are more frames; Exif stays for the orientation.
_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf", b"acTL", b"fcTL", b"fdAT"}
_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
MOST_TEXT_CHUNKS = 1000
MOST_CHUNKS = 100_000  # the smallest that encoders write hold some kilobytes


def checked(content: bytes, max_pixels: int) -> bytes:
    """Check every chunk and return a PNG with only those that pixels need: no text, no colour profile, no trailer.

    Raises:
        RefusedUpload: `damaged_image` for a broken, missing or endless chunk, `too_many_pieces` (422); see also
            `validate.check_size`.
    """
    view, position = memoryview(content), len(_SIGNATURE)
    kept, text_chunks = [view[:position]], 0
    for _ in range(MOST_CHUNKS):
        name, end = _chunk(view, position)
        if position == len(_SIGNATURE):
            _check_header(view, name, max_pixels)
        text_chunks += name in _TEXT
        if text_chunks > MOST_TEXT_CHUNKS:
            raise RefusedUpload("damaged_image", "The picture carries too many text entries to be a picture.")
        if name in _NEEDED:
            kept.append(view[position:end])
        if name == b"IEND":
            return b"".join(kept)
        position = end
    raise too_many()


def _check_header(view: memoryview, name: bytes, max_pixels: int) -> None:
    if name != b"IHDR":
        raise _damaged()
    width, height = struct.unpack_from(">II", view, 16)
    check_size(width, height, max_pixels)


def _chunk(view: memoryview, position: int) -> tuple[bytes, int]:
    """Name of the chunk at `position` and where it ends, its checksum verified."""
    if position + 12 > len(view):
        raise _damaged()
    (length,) = struct.unpack_from(">I", view, position)
    end = position + 12 + length
    if end > len(view):
        raise _damaged()
    (expected,) = struct.unpack_from(">I", view, end - 4)
    if zlib.crc32(view[position + 4 : end - 4]) != expected:
        raise _damaged()
    return bytes(view[position + 4 : position + 8]), end


def _damaged() -> RefusedUpload:
    return RefusedUpload("damaged_image", "The picture is damaged or incomplete. Export or download it again.")
