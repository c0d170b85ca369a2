"""A request while it comes in, byte by byte, until it is whole: only then does a thread of the server take it up.

Where a request ends is told by its Content-Length or its chunks (RFC 9112, sections 6 and 7.1). Nothing is judged here:
whatever does not hold together is handed on as it is, and gunicorn's own parser refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import SpooledTemporaryFile

_IN_MEMORY_BYTES = 512 * 1024  # a larger request lies in a nameless file, which ends with the process
_BLOCK_BYTES = 256 * 1024
_LONGEST_CHUNK_LINE = 4096
_EXPECTATION = re.compile(rb"(?im)^Expect:[^\r\n]*\r\n")
_CHUNK_SIZE = re.compile(rb"^[0-9A-Fa-f]{1,12}[ \t]*(;.*)?\r\n\Z", re.DOTALL)


class Chunks:
    """Follows a body in chunks to its end.

    Args:
        limit: most bytes of content; `is_too_long` is set above it, and `is_broken` where the chunks make no sense.
    """

    def __init__(self, limit: int) -> None:
        self.is_whole = self.is_broken = self.is_too_long = False
        self._limit, self._content = limit, 0
        self._left = 0  # of the chunk under way, with the line break after it
        self._line = bytearray()
        self._is_trailer = False

    def take(self, data: memoryview) -> int:
        """Follow `data`; returns how many of its bytes belong to this body."""
        position = 0
        while position < len(data) and not (self.is_whole or self.is_broken or self.is_too_long):
            if self._left:
                step = min(self._left, len(data) - position)
                self._left -= step
                position += step
            else:
                position += self._take_line(data[position:])
        return position

    def _take_line(self, data: memoryview) -> int:
        piece = bytes(data[: _LONGEST_CHUNK_LINE + 1])
        end = piece.find(b"\n") + 1 or len(piece)
        self._line += piece[:end]
        if self._line.endswith(b"\n"):
            line, self._line = bytes(self._line), bytearray()
            self._read(line)
        self.is_broken = self.is_broken or len(self._line) > _LONGEST_CHUNK_LINE
        return end

    def _read(self, line: bytes) -> None:
        if self._is_trailer:
            self.is_whole = line == b"\r\n"
        elif not _CHUNK_SIZE.match(line):
            self.is_broken = True
        else:
            size = int(line.split(b";")[0].strip(), 16)
            self._content += size
            self._is_trailer, self._left = size == 0, size + 2 if size else 0
            self.is_too_long = self._content > self._limit


class HeldRequest:
    """One request, from its first byte on.

    Args:
        limit: longest body in bytes that is waited for; a longer one is handed on at once, to be refused by its head.
        head_limit: longest head.
        folder: where large requests lie; None takes the system's.

    `is_whole` says that there is nothing to wait for. `is_cut` says that bytes of it are still to come, so that its
    connection can't be used again. `refusal` is the HTTP status to refuse it with, where that is known. `rest` is what
    came after its end.
    """

    def __init__(self, limit: int, head_limit: int, folder: Path | None = None) -> None:
        self.size = 0
        self.is_whole = self.is_cut = self.has_head = self.asks_to_go_on = False
        self.refusal: int | None = None
        self.rest = b""
        self._limit, self._head_limit = limit, head_limit
        self._head = bytearray()
        self._left = 0
        self._chunks: Chunks | None = None
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(folder) if folder else None)  # noqa: SIM115 - `close` ends it

    def add(self, data: bytes) -> None:
        """Take in what has come.

        Raises:
            OSError: it can't be kept, for instance because the disk is full.
        """
        if not self.has_head:
            data = self._add_to_head(data)
        if self.has_head and not self.is_whole:
            self._add_to_body(memoryview(data))
        elif data:
            self.rest += data

    def give_up(self, refusal: int | None = None) -> None:
        """Stop waiting: what is there is handed on as it is, or the head alone where the refusal is known."""
        self.is_whole = self.is_cut = True
        self.refusal = refusal

    def blocks(self) -> Iterator[bytes]:
        """The bytes of this request, without what came after it."""
        head = iter((bytes(self._head),))
        if self.refusal:
            return head
        self._file.seek(0)
        return chain(head, iter(partial(self._file.read, _BLOCK_BYTES), b""))

    def close(self) -> None:
        """Forget the bytes."""
        self._file.close()

    def _add_to_head(self, data: bytes) -> bytes:
        """Takes what belongs to the head and returns what comes after it."""
        searched = max(0, len(self._head) - 3)
        self._head += data
        end = self._head.find(b"\r\n\r\n", searched)
        if end < 0:
            self.size = len(self._head)
            if self.size > self._head_limit:
                self.has_head = True
                self.give_up()
            return b""
        after = bytes(self._head[end + 4 :])
        del self._head[end + 4 :]
        self.has_head = True
        self._plan(bytes(self._head))
        if self.asks_to_go_on:  # it is us who ask for the body to come, so gunicorn need not ask again
            self._head = bytearray(_EXPECTATION.sub(b"", bytes(self._head)))
        self.size = len(self._head)
        return after

    def _plan(self, head: bytes) -> None:
        """Read from the head how long the body is."""
        lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        fields = [(name.strip().lower(), value.strip().lower()) for name, _, value in lines]
        lengths = [value for name, value in fields if name == b"content-length"]
        codings = [value for name, value in fields if name == b"transfer-encoding"]
        if codings == [b"chunked"] and not lengths:
            self._chunks = Chunks(self._limit)
        elif codings or len(lengths) > 1 or any(not _is_length(value, self._limit) for value in lengths):
            self.give_up()
        else:
            self._left = int(lengths[0]) if lengths else 0
            self.is_whole = self._left == 0
        self.asks_to_go_on = not self.is_whole and (b"expect", b"100-continue") in fields

    def _add_to_body(self, data: memoryview) -> None:
        if self._chunks is None:
            taken = min(self._left, len(data))
            self._left -= taken
            self.is_whole = self._left == 0
        else:
            taken = self._chunks.take(data)
            self.is_whole = self._chunks.is_whole
            is_too_long = self._chunks.is_too_long or self.size > 2 * self._limit
            if is_too_long or self._chunks.is_broken:
                taken = len(data)
                self.give_up(413 if is_too_long else None)
        self._file.write(data[:taken])
        self.size += taken
        if self.is_whole:
            self._file.flush()  # a full disk shows here at the latest, and not when a thread reads
        self.rest = bytes(data[taken:])


def _is_length(value: bytes, limit: int) -> bool:
    return value.isdigit() and len(value) < 16 and int(value) <= limit
