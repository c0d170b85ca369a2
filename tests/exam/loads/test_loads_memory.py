"""Memory: the largest pictures of every kind, and hours of small ones."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import RLELossless

from app.store.database import CONNECTIONS
from tests.exam import watching
from tests.exam.marks import exam
from tests.exam.senders import load
from tests.factories import pictures
from tests.factories.pictures import Pixels
from tests.factories.server import Server

pytestmark = pytest.mark.alone

long = pytest.mark.long
SOAK_MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
SIDE = 5000  # px: 25 megapixels, the largest picture that is read


@pytest.fixture(scope="module")
def colours() -> Pixels:
    """A synthetic ultrasound picture of 25 megapixels, slightly tinted: uint8 `H x W x 4`, the last is opacity."""
    small = Image.fromarray(pictures.ultrasound(3, "oval", 500, 500))
    grey = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    tinted = [np.clip(grey.astype(np.int16) + more, 0, 255).astype(np.uint8) for more in (0, 5, 10)]
    return np.dstack([*tinted, np.where(grey > 8, 255, 200).astype(np.uint8)])


def rgb(colours: Pixels) -> bytes:
    return pictures.encoded(np.ascontiguousarray(colours[..., :3]), compress_level=1)


def fifty_megabytes(colours: Pixels) -> bytes:
    """Close to the size limit of a file: half the rows carry noise, which does not compress, and is declined."""
    noisy = np.ascontiguousarray(colours[..., :3])
    noisy[: SIDE // 2] ^= np.random.default_rng(1).integers(0, 128, (SIDE // 2, SIDE, 3), dtype=np.uint8)
    content = pictures.encoded(noisy, compress_level=1)
    assert 40e6 < len(content) < 50e6
    return content


def rgba(colours: Pixels) -> bytes:
    return pictures.encoded(colours, compress_level=1)


def sixteen_bit(colours: Pixels) -> bytes:
    return pictures.encoded(colours[..., 0].astype(np.uint16) * 257, compress_level=1)


def palette(colours: Pixels) -> bytes:
    image = Image.fromarray(colours[..., :3]).quantize(256, dither=Image.Dither.NONE)
    return pictures.encoded(image, compress_level=1, transparency=bytes(range(255, -1, -1)))


def jpeg(colours: Pixels) -> bytes:
    return pictures.encoded(Image.fromarray(colours[..., :3]), "JPEG", quality=92, progressive=True)


def dicom_rgb(colours: Pixels) -> bytes:
    """Compressed without loss, since 25 megapixels of plain colour would be beyond the size limit of a file."""
    dataset = dcmread(io.BytesIO(pictures.dicom(pictures.colour(colours[..., 0] & 0xE0))))
    dataset.compress(RLELossless)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom_plain(colours: Pixels) -> bytes:
    """Plain colour as much as a file may hold: 17 megapixels."""
    return pictures.dicom(np.ascontiguousarray(colours[:3400, :, :3]))


def webp(colours: Pixels) -> bytes:
    return pictures.encoded(Image.fromarray(colours[..., :3]), "WEBP", method=0)


def webp_rgba(colours: Pixels) -> bytes:
    return pictures.encoded(colours, "WEBP", method=0, lossless=True)


def tiff(colours: Pixels) -> bytes:
    return pictures.encoded(colours, "TIFF", compression="tiff_lzw")


KINDS = [rgb, fifty_megabytes, rgba, sixteen_bit, palette, jpeg, webp, webp_rgba, tiff, dicom_rgb, dicom_plain]


@exam(
    "L11",
    given="The largest pictures of every kind: 25 megapixels, files of up to 50 MB",
    expected="Read; server and decoder together take at most 400 MiB more than before",
)
@pytest.mark.long
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_the_largest_pictures_take_little_memory(
    make: Callable[[Pixels], bytes], colours: Pixels, server: Server, seen: Callable[[str], None]
) -> None:
    content = make(colours)
    _warm_up(server)
    before = watching.memory(server)
    with watching.watched(server, 0.01) as found:
        status, answer = server.upload(content)
    more = found.highest - before
    seen(f"{make.__name__}, {len(content) / 1e6:.0f} MB: {status} {answer.get('status')}, {more:.0f} MiB more")
    assert status == 201
    assert answer["status"] == ("declined" if make is fifty_megabytes else "done"), answer["reason"]
    assert more <= 400


def _warm_up(server: Server) -> None:
    """Pictures of every door, so that what is loaded once does not count."""
    for content in (pictures.encoded(pictures.ultrasound()), pictures.dicom(pictures.ultrasound(4))):
        for _ in range(2):
            assert server.upload(content)[0] in load.ACKNOWLEDGED


@exam(
    "L8",
    given="A picture every second for hours",
    expected="Memory grows by less than 24 MiB (a day's worth of 1 MiB an hour), open files stay, log below 64 MB; "
    "none lost",
)
@pytest.mark.parametrize("minutes", [0.1, pytest.param(SOAK_MINUTES, marks=long, id="long")])
def test_hours_of_pictures_leave_memory_and_files_as_they_were(
    minutes: float, server: Server, seen: Callable[[str], None]
) -> None:
    _warm_up(server)
    scans = load.Scans()
    load.closed(server, 12, min(30, 20 * minutes), scans)  # the networks take memory once for each size of a batch
    with watching.watched(server, min(10.0, minutes)) as found:
        run = load.open_loop(server, 1, minutes * 60, scans)
    lost = load.lost(server, run.acknowledged, 120)
    hours = minutes / 60
    connections = watching.connections(server)
    growth, files = found.growth_an_hour() * hours, _quartiles(found.files)
    grown = f"{growth / hours:+.1f} MiB an hour in the second half (pages of files apart), " if minutes >= 10 else ""
    seen(
        f"{hours:.2g} h: {run.figures()}; memory {grown}at most {found.highest:.0f} MiB; "
        f"open files {files[0]} then {files[1]}, database connections {connections}; "
        f"log at most {max(found.log):.1f} MiB; {len(lost)} lost"
    )
    assert lost == []
    assert {one.status for one in run.sent} <= {201, 202, 503}  # 503 where other work leaves the machine no time
    assert max(found.log) < 64
    assert files[1] <= files[0] + 4
    assert connections <= sum(CONNECTIONS.values())
    if minutes >= 10:
        assert growth <= 24


def _quartiles(counts: list[int]) -> tuple[int, int]:
    """The lowest count in the first and in the last quarter: connections that come and go are not in it."""
    quarter = max(1, len(counts) // 4)
    return min(counts[:quarter]), min(counts[-quarter:])
