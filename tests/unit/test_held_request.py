"""Where a request ends, however its bytes are cut up on the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from held_request import HeldRequest

Hold = Callable[..., HeldRequest]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world"
CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED_HEAD + b"5\r\nhello\r\nA;name=value\r\n0\r\n\r\nworld\r\n0\r\nX: y\r\n\r\n"


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Makes requests that wait for at most 500 bytes of head and 1000 (or `limit`) of body, and closes them."""
    made: list[HeldRequest] = []

    def make(data: bytes = b"", limit: int = 1000) -> HeldRequest:
        made.append(HeldRequest(limit, head_limit=500))
        made[-1].add(data)
        return made[-1]

    yield make
    for request in made:
        request.close()


def text(request: HeldRequest) -> bytes:
    return b"".join(request.blocks())


@pytest.mark.parametrize("whole", [GET, POST, CHUNKED], ids=["no body", "length", "chunks"])
@pytest.mark.parametrize("seed", range(5))
def test_it_ends_where_it_ends_in_whatever_pieces_it_comes(hold: Hold, whole: bytes, seed: int) -> None:
    request, position, pieces = hold(), 0, random.Random(seed)
    while position < len(whole):
        assert not request.is_whole
        step = pieces.randint(1, 7)
        request.add(whole[position : position + step])
        position += step
    assert (request.is_whole, request.is_cut, request.rest) == (True, False, b"")
    assert text(request) == whole
    assert request.size == len(whole)


@pytest.mark.parametrize("whole", [GET, POST, CHUNKED], ids=["no body", "length", "chunks"])
def test_what_comes_after_it_is_not_part_of_it(hold: Hold, whole: bytes) -> None:
    request = hold(whole + GET)
    assert (text(request), request.rest, request.is_cut) == (whole, GET, False)


@pytest.mark.parametrize("end", range(1, len(CHUNKED) - 1, 3))
def test_a_part_of_it_is_not_whole(hold: Hold, end: int) -> None:
    assert not hold(CHUNKED[:end]).is_whole


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 1001", b"Content-Length: 99999999999999999999", b"Content-Length: -1", b"Content-Length: x",
        b"Content-Length: 5\r\nContent-Length: 5", b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ],
)  # fmt: skip
def test_what_does_not_hold_together_is_handed_on_and_ends_its_connection(hold: Hold, fields: bytes) -> None:
    request = hold(b"POST / HTTP/1.1\r\n" + fields + b"\r\n\r\nabc" + GET)
    assert (request.is_whole, request.is_cut) == (True, True)


@pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"5\n", b"1" * 5000, b"3e9\r\nx"])
def test_broken_and_too_long_chunks_end_the_connection(hold: Hold, body: bytes) -> None:
    request = hold(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert (request.is_whole, request.is_cut) == (True, True)
    assert request.refusal == (413 if body.startswith(b"3e9") else None)


def test_a_head_without_end_is_handed_on_to_be_refused(hold: Hold) -> None:
    request = hold(b"GET / HTTP/1.1\r\nX: " + b"x" * 600)
    assert (request.is_whole, request.is_cut) == (True, True)


def test_who_asks_first_is_asked_to_go_on_once(hold: Hold) -> None:
    request = hold(POST.replace(b"Host: x", b"Expect: 100-continue\r\nHost: x")[:-11])
    assert (request.asks_to_go_on, request.is_whole) == (True, False)
    request.add(b"hello world")
    assert request.is_whole
    assert text(request) == POST


def test_a_large_one_comes_back_as_it_came(hold: Hold) -> None:
    request = hold(limit=2_000_000)
    whole = b"POST / HTTP/1.1\r\nContent-Length: 1500000\r\n\r\n" + bytes(1_500_000)
    for start in range(0, len(whole), 100_000):
        request.add(whole[start : start + 100_000])
    assert text(request) == whole


def test_a_full_disk_is_told_while_it_comes_in(hold: Hold) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no device that is always full")
    request = hold(b"POST / HTTP/1.1\r\nContent-Length: 900000\r\n\r\n", limit=1_000_000)
    with Path("/dev/full").open("r+b") as full:
        request._file.close()
        request._file = full  # type: ignore[assignment]
        with pytest.raises(OSError, match="No space left"):
            request.add(bytes(900_000))
        request.give_up(507)
        assert text(request).endswith(b"900000\r\n\r\n")
