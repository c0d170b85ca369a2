"""Where the search for places may be made to go: to the one host of the settings, and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.exam.conftest import Launch
from tests.exam.faults import refused_start
from tests.exam.marks import exam
from tests.exam.senders.browser_client import Browser
from tests.factories.nominatim import Stub, serving
from tests.factories.server import Server

Seen = Callable[[str], None]
PAUSE_S = 1.3  # one question a second at most
geocoder = exam(
    "B64",
    given="Typed places that are addresses (169.254.169.254, file://), a place server that redirects to this machine, "
    "answers without end or drips, and settings that are no http address",
    expected="Only the host of the setting is asked; redirects are not followed; the page answers from its own list",
)


@pytest.fixture
def inner() -> Iterator[Stub]:
    """A server that must never be asked."""
    with serving(Stub()) as stub:
        yield stub


@pytest.fixture
def outer(inner: Stub) -> Iterator[Stub]:
    """The place server of the settings, which would like to send the product to `inner`."""
    with serving(Stub(inner.address)) as stub:
        yield stub


@pytest.fixture
def asking(launch: Launch, tiny_models: Path, outer: Stub) -> Server:
    return launch("asking", tiny_models, NOMINATIM_URL=outer.address).start()


def look_up(server: Server, text: str) -> tuple[int, str, float]:
    """Status and page of the clinics near a typed place, and how long it took."""
    time.sleep(PAUSE_S)
    started = time.monotonic()
    answer = Browser(server).get("/clinics?place=" + quote(text))
    return answer.status, answer.text, time.monotonic() - started


def eventually_found(server: Server) -> None:
    """The place server is in favour again: a good answer counts as one, and failures are counted in a row."""
    for number in range(10):
        if "Stubville" in look_up(server, f"Stubville {number} {time.monotonic()}")[1]:
            return
    raise AssertionError("the place server is not asked any more")


@geocoder
def test_the_server_of_the_settings_is_asked_and_only_that(
    asking: Server, inner: Stub, outer: Stub, seen: Seen
) -> None:
    eventually_found(asking)
    slowest = 0.0
    for trick in ("redirect me", "file please", "endless", "drip"):
        status, page, seconds = look_up(asking, trick)
        assert status in (200, 422), f"{trick}: {status}"
        assert "Stubville" not in page
        assert "root:" not in page
        slowest = max(slowest, seconds)
        if trick == "drip":
            time.sleep(3)  # the question itself may take three seconds
        eventually_found(asking)
    assert inner.asked == []
    assert slowest < 5, f"{slowest:.1f} s"
    assert any("redirect" in path for path in outer.asked)
    seen(f"{len(outer.asked)} questions to the set host, {len(inner.asked)} elsewhere; slowest page {slowest:.1f} s")


@geocoder
def test_a_typed_address_is_a_text_like_any_other(asking: Server, inner: Stub, outer: Stub, seen: Seen) -> None:
    eventually_found(asking)
    port = urlsplit(inner.address).port
    texts = [
        "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", f"{inner.address}/x", f"localhost:{port}",
        f"x&q=y&url={inner.address}", f"../../{port}", f"x@127.0.0.1:{port}/", f"x\r\nHost: 127.0.0.1:{port}",
    ]  # fmt: skip
    for text in texts:
        assert look_up(asking, text)[0] in (200, 422), text
    assert inner.asked == []
    for path in outer.asked:
        assert urlsplit(path).path == "/search"
        assert len(parse_qs(path.split("?", 1)[1])["q"]) == 1
    whole = {parse_qs(path.split("?", 1)[1])["q"][0] for path in outer.asked}
    assert whole & set(texts), "none of the texts was asked for: the test proves nothing"
    seen(f"{len(outer.asked)} questions to the set host as its parameter q, {len(inner.asked)} elsewhere")


@geocoder
@pytest.mark.parametrize(
    "kind",
    [
        "file:///etc/passwd",
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("gopher://{inner}", "http://user:pass@{inner}")),
        "//{inner}",
    ],
)
def test_a_setting_that_is_no_http_address_is_never_asked(
    launch: Launch, tiny_models: Path, inner: Stub, kind: str
) -> None:
    host = urlsplit(inner.address).netloc
    said = refused_start(launch("odd", tiny_models, NOMINATIM_URL=kind.format(inner=host)))
    assert inner.asked == []
    assert "NOMINATIM_URL" in said
