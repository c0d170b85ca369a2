"""What is answered to bytes that are no request."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from app.serving import unreadable
from server.headers import HEADERS


@pytest.mark.parametrize(("status", "code"), [(400, "bad_request"), (431, "bad_request"), (500, "internal_error")])
def test_it_has_the_shape_and_the_headers_of_every_refusal(status: int, code: str) -> None:
    head, _, body = unreadable.answer(status).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    assert headers.items() >= HEADERS.items()
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert int(headers["Content-Length"]) == len(body)
    told = json.loads(body)
    assert set(told) == {"code", "message", "request_id"}
    assert (told["code"], told["request_id"]) == (code, headers["X-Request-ID"])


def test_the_server_gives_it_and_quotes_nothing() -> None:
    written: list[bytes] = []
    util = SimpleNamespace(write_nonblock=lambda _, content: written.append(content))
    unreadable.bind(util)
    util.write_error(None, 400, "Bad Request", "Invalid HTTP header: 'a <b>name</b>'")
    assert written[0].startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"<b>" not in written[0]
