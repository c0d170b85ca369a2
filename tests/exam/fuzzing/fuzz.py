"""Damaged files by number: `mutated(7)` is the same file in every run.

`python -m tests.exam.fuzzing.fuzz 7 > file` writes one.
"""

from __future__ import annotations

import gzip
import io
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Sequence

from tests.exam.fuzzing.fuzz_files import KINDS, deflated, inflated, parts, wholes

_EXTREMES = (0, 1, 2, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_NEAR_START = 600
_PACKED_SHARE, _DAMAGED_SHARE = 0.1, 0.3  # of all files, those in gzip or a ZIP; of these, those with a damaged outside
PACKED = "packed"
_ALWAYS = (1980, 1, 1, 0, 0, 0)


def mutated(number: int, kinds: Sequence[str] = KINDS) -> tuple[str, bytes]:
    """Kind and bytes of the damaged file of this number.

    Args:
        kinds: of which it is one; `packed` are any of them within gzip or a ZIP archive.
    """
    chance = random.Random(number)
    kind = chance.choice(kinds)
    if kind == PACKED or (kinds == KINDS and chance.random() < _PACKED_SHARE):
        return PACKED, packed(chance, damaged(chance, chance.choice(KINDS)))
    return kind, damaged(chance, kind)


def damaged(chance: random.Random, kind: str) -> bytes:
    """A file of a kind that one to three mutations went over."""
    content = chance.choice([whole for its_kind, whole in wholes() if its_kind == kind])
    is_inflated = kind == "deflated" and chance.random() < 0.8
    content = inflated(content) if is_inflated else content
    first = chance.choice(_STRUCTURAL) if chance.random() < 0.6 else chance.choice(_BLIND)
    content = first(chance, kind, content)
    for _ in range(chance.choice((0, 0, 1, 2))):
        content = chance.choice(_BLIND)(chance, kind, content)
    if kind == "png" and chance.random() < 0.6:
        content = with_checksums(content)
    return deflated(content) if is_inflated else content


def packed(chance: random.Random, content: bytes) -> bytes:
    """The file within gzip or a ZIP archive, which may be damaged, too."""
    outer = gzip.compress(content, mtime=0) if chance.random() < 0.5 else _zipped(content)
    return chance.choice(_BLIND)(chance, PACKED, outer) if chance.random() < _DAMAGED_SHARE else outer


def _zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("picture", _ALWAYS), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def flipped(chance: random.Random, _kind: str, content: bytes) -> bytes:
    """Some bytes are others; half of the time only in the header."""
    if not content:
        return content
    damaged = bytearray(content)
    reach = len(damaged) if chance.random() < 0.5 else min(_NEAR_START, len(damaged))
    for _ in range(chance.randint(1, 16)):
        damaged[chance.randrange(reach)] ^= chance.randint(1, 255)
    return bytes(damaged)


def cut(chance: random.Random, _kind: str, content: bytes) -> bytes:
    """The end is missing, or a piece from the middle."""
    start, end = sorted((chance.randint(0, len(content)), chance.randint(0, len(content))))
    return content[:start] if chance.random() < 0.5 else content[:start] + content[end:]


def repeated(chance: random.Random, _kind: str, content: bytes) -> bytes:
    """A piece comes twice, or foreign bytes stand in between."""
    start = chance.randint(0, len(content))
    piece = content[start : start + chance.randint(1, 200)] if chance.random() < 0.5 else chance.randbytes(40)
    return content[:start] + piece + content[start:]


def spliced(chance: random.Random, _kind: str, content: bytes) -> bytes:
    """The head of this file and the tail of another, often of another kind."""
    _, other = chance.choice(wholes())
    return content[: chance.randint(0, len(content))] + other[chance.randint(0, len(other)) :]


def with_other_order(chance: random.Random, kind: str, content: bytes) -> bytes:
    """Two parts change places, one comes twice, or one is missing."""
    found = parts(kind, content)
    first, second = sorted((chance.choice(found), chance.choice(found)), key=lambda part: part.start)
    one, other = content[first.start : first.end], content[second.start : second.end]
    if second.start < first.end or chance.random() < 0.4:
        again = one if chance.random() < 0.5 else b""
        return content[: first.start] + again * chance.choice((1, 2, 50)) + content[first.end :]
    return content[: first.start] + other + content[first.end : second.start] + one + content[second.end :]


def with_other_length(chance: random.Random, kind: str, content: bytes) -> bytes:
    """A length field says something else."""
    part = chance.choice(parts(kind, content))
    most = (1 << (8 * part.length_bytes)) - 1
    order = "big" if part.is_big_endian else "little"
    true = int.from_bytes(content[part.length_at : part.length_at + part.length_bytes], order)
    value = chance.choice((*_EXTREMES, true + 1, true - 1, true * 2, true // 2)) & most
    return _replaced(content, part.length_at, value.to_bytes(part.length_bytes, order))


def with_other_value(chance: random.Random, kind: str, content: bytes) -> bytes:
    """A number inside a part is an extreme one."""
    part = chance.choice(parts(kind, content))
    size = chance.choice((1, 2, 4))
    at = chance.randint(part.start, max(part.start, min(part.end, part.start + 64) - size))
    order = chance.choice(("big", "little"))
    value = (chance.choice(_EXTREMES) & ((1 << (8 * size)) - 1)).to_bytes(size, order)
    return _replaced(content, at, value)


def with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks all have the right checksum, so that their damage gets as far as the decoder."""
    for part in parts("png", content):
        if part.end <= len(content):
            checksum = zlib.crc32(content[part.start + 4 : part.end - 4])
            content = _replaced(content, part.end - 4, struct.pack(">I", checksum))
    return content


def _replaced(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


_Mutation = Callable[[random.Random, str, bytes], bytes]
_BLIND: tuple[_Mutation, ...] = (flipped, flipped, cut, repeated, spliced)
_STRUCTURAL: tuple[_Mutation, ...] = (with_other_order, with_other_length, with_other_value, with_other_value)


if __name__ == "__main__":
    sys.stdout.buffer.write(mutated(int(sys.argv[1]))[1])
