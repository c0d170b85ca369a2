"""Pictures of the size that is just too large, and of the size that is just allowed, many at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import pytest
from PIL import Image

from tests.exam.footprint import worker_of
from tests.exam.marks import exam
from tests.exam.senders.person import assert_refused
from tests.exam.watching import watched
from tests.factories.pictures import encoded, png_header, ultrasound
from tests.factories.server import Server

pytestmark = pytest.mark.alone

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]
SIDE = (4980, 5000)  # width, height: 24.9 megapixels, where 25 are allowed


@exam("B12", given="A PNG of a few bytes that claims 50,000 x 50,000", expected="413 `too_many_pixels` in 300 ms")
@pytest.mark.parametrize("size", [(50_000, 50_000), (5001, 5000), (2**31 - 1, 2**31 - 1)])
def test_a_huge_claim_is_refused_by_its_header(
    server: Server, untouched: Untouched, seen: Seen, size: tuple[int, int]
) -> None:
    content = png_header(*size)
    server.upload(b"")
    with untouched():
        seen(assert_refused(server, content, 413, "too_many_pixels"))
        times = [timed(server, content) for _ in range(5)]
    assert min(times) < 0.3
    seen(f"fastest of five {min(times) * 1000:.0f} ms, slowest {max(times) * 1000:.0f} ms")


def timed(server: Server, content: bytes) -> float:
    started = time.monotonic()
    assert server.upload(content)[0] == 413
    return time.monotonic() - started


def allowed(seed: int) -> bytes:
    """A picture of 24.9 megapixels, each seed another one."""
    small = Image.fromarray(ultrasound(seed % 3, "oval", 500, 498))
    pixels = np.array(small.resize(SIDE, Image.Resampling.NEAREST))
    pixels[:8, :8] = seed
    return encoded(pixels, "PNG", compress_level=1)


@exam(
    "B13",
    given="20 pictures of 24.9 megapixels at once",
    expected="Each is answered 2xx, 429 or 503; nothing is killed",
)
@pytest.mark.long
def test_the_largest_pictures_come_all_at_once(server: Server, seen: Seen) -> None:
    contents = [allowed(seed) for seed in range(20)]
    serving = worker_of(server)
    with watched(server, 0.1) as found, ThreadPoolExecutor(20) as senders:
        statuses = Counter(status for status, _ in senders.map(server.upload, contents))
    assert set(statuses) <= {200, 201, 202, 429, 503}, statuses
    assert statuses[201] + statuses[202] > 0
    assert worker_of(server) == serving, "the serving process died"
    assert server.get("/health/live")[0] == 200
    assert found.highest < 1500, "more memory than a small machine has"
    seen(
        f"{dict(sorted(statuses.items()))}; memory with all children {found.memory[0]:.0f} MiB before, "
        f"{found.highest:.0f} MiB at its highest"
    )


@exam("B13", given="3 pictures of 24.9 megapixels at once", expected="Each is answered 2xx, 429 or 503")
def test_three_of_the_largest_pictures_come_at_once(server: Server, seen: Seen) -> None:
    contents = [allowed(seed) for seed in range(100, 103)]
    with watched(server, 0.1) as found, ThreadPoolExecutor(3) as senders:
        statuses = Counter(status for status, _ in senders.map(server.upload, contents))
    assert set(statuses) <= {200, 201, 202, 429, 503}, statuses
    seen(f"{dict(statuses)}; memory {found.memory[0]:.0f} MiB before, {found.highest:.0f} MiB at its highest")
