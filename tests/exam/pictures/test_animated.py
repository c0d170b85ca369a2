"""Files that hold many pictures: the first is read, and it is said that there are more."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

import pytest
from PIL import Image

from imaging.formats.raster import FIRST_FRAME
from tests.exam.marks import exam
from tests.exam.twins import finished
from tests.factories.pictures import encoded, png_chunk, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
FIRST, SECOND = (Image.fromarray(ultrasound(seed, "oval", 300, 360)) for seed in (4, 5))


def gif(frames: int) -> bytes:
    """One whole picture and then frames of one pixel."""
    tiny = (
        b"\x21\xf9\x04\x00\x01\x00\x00\x00" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    )
    return encoded(FIRST, "GIF")[:-1] + tiny * (frames - 1) + b"\x3b"


def apng(frames: int) -> bytes:
    """One whole picture and then frames of one pixel."""
    still = encoded(FIRST)
    pixel = encoded(Image.new("L", (1, 1), 9))
    data = pixel[pixel.index(b"IDAT") + 4 : pixel.index(b"IEND") - 8]
    width, height = FIRST.size
    first = png_chunk(b"acTL", struct.pack(">II", frames, 0)) + control(0, width, height)
    rest = b"".join(
        control(2 * number - 1, 1, 1) + png_chunk(b"fdAT", struct.pack(">I", 2 * number) + data)
        for number in range(1, frames)
    )
    return still[:33] + first + still[33:-12] + rest + still[-12:]


def control(sequence: int, width: int, height: int) -> bytes:
    return png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, 1, 10, 0, 0))


def webp(frames: int) -> bytes:
    """Pillow's file of two frames, with the second one repeated."""
    content = encoded(FIRST, "WEBP", save_all=True, append_images=[SECOND], lossless=True)
    second = content.rindex(b"ANMF")
    head, repeated = content[:second], content[second:]
    whole = head + repeated * (frames - 1) if frames < 100 else head + small_frame() * (frames - 1)
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def small_frame() -> bytes:
    """A WebP animation frame of 1x1."""
    pixel = encoded(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    body = b"\0" * 6 + b"\0" * 6 + b"\x0a\0\0" + b"\0" + pixel
    return b"ANMF" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


MAKERS = {"gif": gif, "png": apng, "webp": webp}


@exam(
    "B19", given="Animated GIF, PNG and WebP, 3 and 10,000 frames", expected="The first is read, with a notice; < 2 s"
)
@pytest.mark.parametrize("frames", [3, 10_000])
@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_the_first_frame_is_read(server: Server, seen: Seen, kind: str, frames: int) -> None:
    content = MAKERS[kind](frames)
    started = time.monotonic()
    image = finished(server, content)
    seconds = time.monotonic() - started
    assert image["status"] == "done"
    assert image["picture"]["frame"] == 0
    assert image["picture"]["frames"] > 1
    assert FIRST_FRAME in image["notices"]
    assert image["milliseconds"]["decode"] < 2000
    seen(f"{kind}, {frames} frames: read in {image['milliseconds']['decode']:.0f} ms, answered in {seconds:.1f} s")


@exam("B19", given="GIF, PNG and WebP of one frame", expected="Read, without a notice")
@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_still_picture_gets_no_notice(server: Server, seen: Seen, kind: str) -> None:
    image = finished(server, encoded(FIRST, kind))
    assert (image["status"], image["picture"]["frames"]) == ("done", 1)
    assert FIRST_FRAME not in image["notices"]
    seen(f"{kind}: {image['picture']['frames']} frame, {len(image['notices'])} notices")
