"""Bodies that lie about their length, have no end, or are made to cost time: refused early and cheaply."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.exam.footprint import memory_kb, worker_of
from tests.exam.marks import exam
from tests.exam.senders.person import BOUNDARY, assert_plain, multipart
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import FrontDoor, Server

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]
DOORS = ("/api/v1/studies", "/")
FORM = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
PICTURE = multipart([("file", "picture.png", encoded(ultrasound(10)))])


@pytest.fixture(scope="module")
def server(outermost: Server) -> Server:
    """What strangers reach."""
    return outermost


def opened(server: Server, door: str, *headers: str) -> socket.socket:
    """A connection on which the head of a POST has been sent."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    lines = [f"POST {door} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json", FORM, *headers]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return connection


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the answer, as far as it comes."""
    received = b""
    try:
        while b"\r\n\r\n" not in received or not _is_whole(received):
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
    except ConnectionResetError:
        pass  # the server closed while we were still sending; what came before counts
    head, _, body = received.partition(b"\r\n\r\n")
    if _is_chunked(head):  # nginx's own refusals come in one chunk
        body = body.partition(b"\r\n")[2].partition(b"\r\n0\r\n\r\n")[0]
    return int(head.split()[1]) if head else 0, body


def _is_whole(received: bytes) -> bool:
    head, _, body = received.partition(b"\r\n\r\n")
    if _is_chunked(head):
        return body.endswith(b"\r\n0\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False


def _is_chunked(head: bytes) -> bool:
    return b"transfer-encoding: chunked" in head.lower()


def posted(server: Server, door: str, body: bytes, *headers: str) -> tuple[int, bytes, float]:
    """Status and body of the answer to a whole request, and the seconds that it took."""
    started = time.monotonic()
    with opened(server, door, f"Content-Length: {len(body)}", *headers) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
            connection.sendall(body)
        status, answer = answer_of(connection)
    return status, answer, time.monotonic() - started


def temporary_files(server: Server) -> set[str]:
    """What lies in the folders for temporary files, where large bodies are laid down while they come in."""
    folders = [Path(tempfile.gettempdir())]
    if isinstance(server, FrontDoor):
        folders += [server.spool / "bodies", server.spool / "forms"]
    return {path.name for folder in folders for path in folder.iterdir()}


@exam(
    "B26", given="A request that claims 10 GB and sends a few bytes", expected="413 `too_large` at once, little memory"
)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("length", [10**10, 2**64, 60_000_000])
def test_a_huge_claim_is_refused_at_once(
    server: Server, untouched: Untouched, seen: Seen, door: str, length: int
) -> None:
    with untouched():
        before, started = memory_kb(worker_of(server), "VmHWM"), time.monotonic()
        with opened(server, door, f"Content-Length: {length}") as connection:
            connection.sendall(PICTURE[:100])
            status, body = answer_of(connection)
        seconds = time.monotonic() - started
        grown = memory_kb(worker_of(server), "VmHWM") - before
    answer = json.loads(body)
    beyond_numbers = length > 2**63 and isinstance(server, FrontDoor)  # nginx can't read it at all
    assert (status, answer["code"]) == ((400, "bad_request") if beyond_numbers else (413, "too_large"))
    assert_plain(answer["message"])
    assert seconds < 2
    assert grown < 50_000
    seen(f"{door}, {length} bytes: {status} in {seconds * 1000:.0f} ms, memory at its highest +{grown} KiB")


@exam(
    "B27",
    given="A body in chunks without a length, without an end",
    expected="413 `too_large` at the limit; no file left",
)
@pytest.mark.parametrize("door", DOORS)
def test_an_endless_body_is_cut(server: Server, untouched: Untouched, seen: Seen, door: str) -> None:
    files, sent = temporary_files(server), 0
    piece = b"100000\r\n" + b"\x55" * 0x100000 + b"\r\n"
    with untouched():
        started = time.monotonic()
        with opened(server, door, "Transfer-Encoding: chunked") as connection:
            connection.sendall(f"{len(PICTURE[:150]):x}\r\n".encode() + PICTURE[:150] + b"\r\n")
            connection.settimeout(0.05)
            for _ in range(10_000):
                if not _sent(connection, piece):
                    break
                sent += 1
            connection.settimeout(30)
            status, body = answer_of(connection)
        seconds = time.monotonic() - started
        time.sleep(0.5)
    assert sent < 200, "it went on reading"
    assert status == 413
    assert json.loads(body)["code"] == "too_large"
    left = {name for name in temporary_files(server) - files if name.startswith("tmp") or name.isdecimal()}
    assert not left
    seen(f"{door}: {status} after {sent} MiB, {seconds:.1f} s; {len(left)} temporary files left")


def _sent(connection: socket.socket, piece: bytes) -> bool:
    """Send a piece while the server reads on; False once it has answered or closed."""
    view = memoryview(piece)
    deadline = time.monotonic() + 20
    while view:
        try:
            view = view[connection.send(view) :]
        except TimeoutError:
            if _has_answered(connection) or time.monotonic() > deadline:
                return False
        except (BrokenPipeError, ConnectionResetError):
            return False
    return not _has_answered(connection)


def _has_answered(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        connection.settimeout(0.05)


@exam("B28", given="A form of 100,000 tiny parts", expected="413 `too_many_parts` within 2 s")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", [None, "a.png"], ids=["texts", "files"])
def test_too_many_parts_are_refused(
    server: Server, untouched: Untouched, seen: Seen, door: str, name: str | None
) -> None:
    body = multipart([("f", name, b"x")] * 100_000)
    with untouched():
        status, answer, seconds = posted(server, door, body)
    assert status == 413
    assert json.loads(answer)["code"] == "too_many_parts"
    assert seconds < 6
    seen(f"{door}: {status} too_many_parts for {len(body) >> 20} MiB in {seconds:.2f} s")


@exam(
    "B29",
    given="A file that starts with a line break and goes on for megabytes",
    expected="Time grows with length only",
)
@pytest.mark.parametrize("start", [b"\r", b"\n", b"\r\n", b"\r\n--"])
def test_line_breaks_cost_no_more_than_other_bytes(
    server: Server, untouched: Untouched, seen: Seen, start: bytes
) -> None:
    bodies = {
        megabytes: multipart([("file", "picture.png", start + b"a" * (megabytes << 20))]) for megabytes in (5, 40)
    }
    with untouched():
        posted(server, DOORS[0], bodies[5])
        answers = {size: min((posted(server, DOORS[0], body) for _ in range(2)), key=lambda got: got[2])
                   for size, body in bodies.items()}  # fmt: skip
    assert {status for status, _, _ in answers.values()} == {415}
    short, long = answers[5][2], answers[40][2]
    assert long < 8 * 4 * max(short, 0.05), "more than four times what the length explains"
    seen(f"{start!r}: {short:.2f} s for 5 MiB, {long:.2f} s for 40 MiB")


@exam("B29", given="Megabytes of line breaks, and of half borders", expected="Time grows with length only")
@pytest.mark.parametrize("pattern", [b"\r", b"\n", b"\r\n--exam-boundar"])
def test_megabytes_of_near_borders_are_read_through(
    server: Server, untouched: Untouched, seen: Seen, pattern: bytes
) -> None:
    content = pattern * ((20 << 20) // len(pattern))
    with untouched():
        status, _, seconds = posted(server, DOORS[0], multipart([("file", "picture.png", content)]))
    assert status == 415
    assert seconds < 15
    seen(f"{pattern!r}: {status} for 20 MiB in {seconds:.2f} s")


@exam(
    "B30", given="A body that says it is compressed, 100 MB packed small", expected="415 `unsupported`; never unpacked"
)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x-gzip, gzip"])
def test_a_compressed_body_is_not_unpacked(
    server: Server, untouched: Untouched, seen: Seen, door: str, coding: str
) -> None:
    body = gzip.compress(multipart([("file", "picture.png", bytes(100 << 20))]), 1)
    with untouched():
        before = memory_kb(worker_of(server), "VmHWM")
        status, answer, seconds = posted(server, door, body, f"Content-Encoding: {coding}")
        grown = memory_kb(worker_of(server), "VmHWM") - before
    assert status == 415
    assert json.loads(answer)["code"] == "unsupported"
    assert grown < 50_000
    seen(f"{door}, {coding}: {status} in {seconds * 1000:.0f} ms, memory at its highest +{grown} KiB")
