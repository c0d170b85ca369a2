"""Pictures that broke on their way, and pictures that hide a bomb: never a half picture, never a whole memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from PIL import Image

from tests.exam.footprint import children, memory_kb, worker_of
from tests.exam.marks import exam
from tests.exam.senders.person import assert_refused
from tests.factories.pictures import encoded, png_chunk, ultrasound
from tests.factories.server import Server

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]

WHOLE_PNG = encoded(ultrasound(2, "oval", 300, 360))
WHOLE_JPEG = encoded(ultrasound(2, "oval", 300, 360), "JPEG", quality=90)


def flipped(content: bytes, position: int) -> bytes:
    """The same bytes with one of them inverted."""
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


@exam("B4", given="A PNG that ends at half, at nine tenths, or four bytes early", expected="422 `damaged_image`")
@pytest.mark.parametrize("length", [len(WHOLE_PNG) // 2, len(WHOLE_PNG) * 9 // 10, len(WHOLE_PNG) - 4])
def test_a_png_that_breaks_off_is_damaged(server: Server, untouched: Untouched, seen: Seen, length: int) -> None:
    with untouched():
        seen(assert_refused(server, WHOLE_PNG[:length], 422, "damaged_image"))


@exam("B5", given="A JPEG that ends within its pixels, with or without an end marker", expected="422 `damaged_image`")
@pytest.mark.parametrize("ending", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_jpeg_that_breaks_off_is_damaged(
    server: Server, untouched: Untouched, seen: Seen, share: float, ending: bytes
) -> None:
    with untouched():
        seen(assert_refused(server, WHOLE_JPEG[: int(len(WHOLE_JPEG) * share)] + ending, 422, "damaged_image"))


@exam("B6", given="A PNG with one wrong byte in its pixel data", expected="422 `damaged_image`")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_one_wrong_byte_is_noticed(server: Server, untouched: Untouched, seen: Seen, share: float) -> None:
    start = WHOLE_PNG.index(b"IDAT") + 4
    position = start + int((len(WHOLE_PNG) - 16 - start) * share)
    with untouched():
        seen(assert_refused(server, flipped(WHOLE_PNG, position), 422, "damaged_image"))


def many_texts(count: int) -> bytes:
    """A whole picture with thousands of small compressed text chunks before its pixels."""
    chunks = b"".join(png_chunk(b"zTXt", b"k%d\0\0" % number + zlib.compress(b"text")) for number in range(count))
    return WHOLE_PNG[:33] + chunks + WHOLE_PNG[33:]


def text_bomb(megabytes: int) -> bytes:
    """A whole picture with one small text chunk that unpacks to `megabytes`."""
    chunk = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b" " * (megabytes << 20), 9))
    return WHOLE_PNG[:33] + chunk + WHOLE_PNG[33:]


@exam("B14", given="A PNG with 10,000 compressed text entries", expected="422 `damaged_image`, little memory")
def test_thousands_of_texts_are_refused(server: Server, untouched: Untouched, seen: Seen) -> None:
    with untouched():
        seen(assert_refused(server, many_texts(10_000), 422, "damaged_image"))


@exam("B14", given="A PNG with a text that unpacks to 64 MB", expected="The text is never unpacked; pixels are read")
def test_a_bomb_of_text_is_never_unpacked(server: Server, seen: Seen) -> None:
    server.upload(encoded(ultrasound(7)))  # the decoding child runs from here on
    content, before = text_bomb(64), highest_mb(server)
    status, answer = server.upload(content)
    assert status in (201, 202), answer
    grown = highest_mb(server) - before
    assert grown < 60, "the text was unpacked"
    seen(f"{status}, memory of the decoding child at its highest +{grown:.0f} MB for {len(content) / 1000:.0f} kB")


def highest_mb(server: Server) -> float:
    """The most memory that any decoding child ever held."""
    return max(memory_kb(child, "VmHWM") for child in children(worker_of(server))) / 1024


@exam("B15", given="Pictures of 1x1, 8x8 and 95x95 pixels", expected="422 `too_small`, the minimum is named")
@pytest.mark.parametrize("side", [1, 8, 95])
def test_a_tiny_picture_is_too_small(server: Server, untouched: Untouched, seen: Seen, side: int) -> None:
    content = encoded(Image.new("L", (side, side), 90))
    with untouched():
        seen(assert_refused(server, content, 422, "too_small"))
    assert "96" in server.upload(content)[1]["message"]


@exam("B15", given="A picture of 1x10000 pixels, and its turn", expected="422 `odd_shape`, the minimum is named")
@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1)])
def test_a_strip_has_an_odd_shape(server: Server, untouched: Untouched, seen: Seen, size: tuple[int, int]) -> None:
    content = encoded(Image.new("L", size, 90))
    with untouched():
        seen(assert_refused(server, content, 422, "odd_shape"))
    assert "96" in server.upload(content)[1]["message"]
