"""How fast the server is there, and how large it is to fetch."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders import load

pytestmark = pytest.mark.alone

LARGEST_IMAGE_MB = 450


@exam("L9", given="A start from nothing running", expected="`/health/ready` answers 200 within 5 s, on the processor")
@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.long)])
def test_the_server_is_ready_soon(times: int, launch: Launch, seen: Callable[[str], None]) -> None:
    allowed, note = load.slack()
    server, taken = launch(), list[float]()
    for _ in range(times):
        server.start()
        taken.append(server.ready_after_s)
        server.stop()
    seen(f"{times} starts: median {load.quantile(taken, 0.5):.1f} s, longest {max(taken):.1f} s{note}")
    assert load.quantile(taken, 0.5) <= 5 * allowed


@exam(
    "L12",
    given="The container image for servers without GPU",
    expected=f"At most {LARGEST_IMAGE_MB} MB compressed",
)
def test_the_image_is_small_enough(seen: Callable[[str], None]) -> None:
    size = os.environ.get("IMAGE_MB", "")
    if not size:
        pytest.skip("No container tool where the exam was run. IMAGE_MB=... names the compressed size to judge.")
    seen(f"{size} MB compressed")
    assert float(size) <= LARGEST_IMAGE_MB
