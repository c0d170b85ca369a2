"""Counts the pieces that a file is built of, before or while its reader goes through them.

Every format knows some piece that costs a few bytes and is read one by one: scans of a progressive JPEG, empty chunks,
comments, elements, fragments. A file within all limits on size may hold millions of them. Real files are far from the
limits here: a progressive JPEG has about ten scans.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator

from imaging.errors import RefusedUpload

MOST_SCANS = 1000
MOST_SCANNED_PIXELS = 1_000_000_000  # scans times pixels: forty of the largest picture, a second's work
MOST_READS = 300_000  # and one more for each BYTES_A_READ: of a GIF's bytes, two reads fetch 256
BYTES_A_READ = 100
MOST_DICOM_READS = 40_000  # pydicom makes objects of what it reads, ten times as slowly; usual headers take a thousand
MOST_REGION_BYTES = 100_000  # of the ultrasound regions of a DICOM file, some hundred bytes each
MOST_TABLE_BYTES = 200_000  # of its tables of greys: the largest takes 131,072
MOST_VALUES = 200_000  # of one entry of a TIFF: strips, tiles, a colour table
MOST_ENTRIES, MOST_PAGES = 200_000, 5000  # of a TIFF, all of its pictures together
MOST_FRAGMENTS = 30_000

_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # within a scan anything else after 0xFF belongs to the pixels
_START_OF_SCAN, _END, _START_OF_FRAME = 0xDA, 0xD9, {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
MOST_SEGMENTS = 20_000
_BYTES = {1, 2, 6, 7}  # types of TIFF whose values are single bytes: profiles and texts, read as a whole
_ITEM = 0xE000FFFE


class CountedFile(io.BytesIO):
    """A file in memory that can be read so often and no more.

    Raises:
        RefusedUpload: `too_many_pieces` (422), by `read`.
    """

    def __init__(self, content: bytes, most_reads: int | None = None) -> None:
        super().__init__(content)
        self._left = MOST_READS + len(content) // BYTES_A_READ if most_reads is None else most_reads

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise too_many()
        return super().read(size)


def too_many() -> RefusedUpload:
    """The refusal of a file that is built of too many pieces."""
    return RefusedUpload(
        "too_many_pieces", "The file is built of far more pieces than a picture needs. Export it as PNG and send that."
    )


def check_jpeg(content: bytes) -> None:
    """Refuse a JPEG of too many scans, for its size, or of too many segments. What is damaged is left to its reader.

    Raises:
        RefusedUpload: `too_many_pieces` (422).
    """
    scans = pixels = 0
    for number, (marker, start) in enumerate(segments(content)):
        if marker in _START_OF_FRAME and start + 5 <= len(content):
            height, width = struct.unpack_from(">HH", content, start + 1)
            pixels = max(pixels, height * width)
        scans += marker == _START_OF_SCAN
        if number > MOST_SEGMENTS or scans > MOST_SCANS or scans * pixels > MOST_SCANNED_PIXELS:
            raise too_many()


def segments(content: bytes) -> Iterator[tuple[int, int]]:
    """The markers of a JPEG up to its end, each with where its parameters begin; fill bytes are one each."""
    position, is_in_scan = 2, False
    while True:
        if is_in_scan:
            found = _MARKER.search(content, position)
            if found is None:
                return
            position = found.start()
        if position + 4 > len(content) or content[position] != 0xFF:
            return
        marker = content[position + 1]
        if marker == _END:
            return
        yield marker, position + 4
        if marker == 0xFF:
            position += 1
        elif marker in WITHOUT_LENGTH:
            position += 2
        else:
            position += 2 + int(struct.unpack_from(">H", content, position + 2)[0])
        is_in_scan = marker == _START_OF_SCAN or (is_in_scan and marker in WITHOUT_LENGTH)


def check_tiff(content: bytes) -> None:
    """Refuse a TIFF of too many entries, or one whose entry holds too many values: Pillow makes an object of each.

    Raises:
        RefusedUpload: `too_many_pieces` (422).
        struct.error: the file breaks off.
    """
    order = "<" if content.startswith(b"II") else ">"
    is_big = content[2:4] in (b"+\0", b"\0+")
    word, head, step = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    (position,) = struct.unpack_from(f"{order}{word}", content, 8 if is_big else 4)
    left = MOST_ENTRIES
    for _ in range(MOST_PAGES):
        (entries,) = struct.unpack_from(f"{order}{head}", content, position)
        first = position + struct.calcsize(head)
        left -= entries
        if left < 0:
            raise too_many()
        for number in range(entries):
            kind, count = struct.unpack_from(f"{order}H{word}", content, first + 2 + step * number)
            if kind not in _BYTES and count > MOST_VALUES:
                raise too_many()
        (position,) = struct.unpack_from(f"{order}{word}", content, first + step * entries)
        if position == 0:
            return
    raise too_many()


def check_sequence(items: object, most: int = MOST_REGION_BYTES) -> None:
    """Refuse a DICOM sequence, as raw bytes, that is too long for what it is.

    Raises:
        RefusedUpload: `too_many_pieces` (422).
    """
    if isinstance(items, bytes) and len(items) > most:
        raise too_many()


def check_fragments(pixels: bytes) -> None:
    """Refuse compressed DICOM pixels, items one after the other, of too many fragments.

    Raises:
        RefusedUpload: `too_many_pieces` (422).
    """
    position = 0
    for _ in range(MOST_FRAGMENTS):
        if position + 8 > len(pixels):
            return
        tag, length = struct.unpack_from("<II", pixels, position)
        if tag != _ITEM:
            return
        position += 8 + length
    raise too_many()
