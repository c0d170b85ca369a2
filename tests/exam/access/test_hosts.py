"""Requests that lie about where they come from, whom they want, and where they end: raw bytes on the socket."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exam.conftest import Launch
from tests.exam.footprint import worker_of
from tests.exam.marks import exam
from tests.factories.server import FrontDoor, Server

Seen = Callable[[str], None]
HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
hosts = exam(
    "B65",
    given="False Host and X-Forwarded headers; requests with two lengths or two ends, over a raw socket",
    expected="400 or ignored, unless the settings name a proxy; a request hidden in another is never answered",
)


@pytest.fixture(scope="module")
def server(outermost: Server) -> Server:
    """What strangers reach."""
    return outermost


def raw(server: Server, content: bytes, patience_s: float = 3.0) -> bytes:
    """Send bytes, and read until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience_s) as connection:
        connection.sendall(content)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except TimeoutError:
            pass
        except ConnectionResetError:
            pass
    return received


def statuses(received: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3})", received)]


def get(path: str, host: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@hosts
@pytest.mark.parametrize(
    "host", ["evil.example/x", "a b", "user@evil.example", "x:y:z", "http://evil.example", "a\tb", "[::1", "é.example"]
)
def test_a_host_that_is_no_name_is_refused(server: Server, host: str) -> None:
    assert statuses(raw(server, get("/", host))) == [400]


@hosts
def test_two_hosts_or_none_are_refused(server: Server, seen: Seen) -> None:
    both = statuses(raw(server, get("/", "localhost", "Host: evil.example")))
    none = statuses(raw(server, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"))
    assert both == [400]
    assert none == [400]
    seen(f"two: {both}, none: {none}")


@hosts
def test_only_the_hosts_of_the_settings_are_answered(launch: Launch, tiny_models: Path) -> None:
    server = launch("hosts", tiny_models, ALLOWED_HOSTS="triage.example.org").start()
    for host, status in (
        ("triage.example.org", 200), ("evil.example", 400), ("triage.example.org.evil.example", 400),
        ("localhost", 200), ("xtriage.example.org", 400),
    ):  # fmt: skip
        assert statuses(raw(server, get("/", host))) == [status], host


@hosts
def test_forged_forwarded_headers_change_nothing(server: Server, seen: Seen) -> None:
    forged = [
        "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https",
        "X-Forwarded-Prefix: /evil", "X-Forwarded-Port: 444", "X-Request-ID: evil-request-id",
        "Forwarded: for=198.51.100.7;host=evil.example;proto=https", "X-Original-URL: /admin/",
        "X-Rewrite-URL: /admin/", "X-HTTP-Method-Override: DELETE",
    ]  # fmt: skip
    for path in ("/", "/admin/", "/api/v1/openapi.json", "/clinics", "/login?next=/admin/", "/nothing"):
        plain, lied = raw(server, get(path, "localhost")), raw(server, get(path, "localhost", *forged))
        assert statuses(lied) == statuses(plain), path
        assert b"evil" not in lied, path
        assert b"Strict-Transport-Security" not in lied, path
    seen(f"{len(forged)} forged headers on 6 addresses: the same answers")


@hosts
def test_a_named_proxy_is_believed_about_https_but_for_one_step_only(launch: Launch, tiny_models: Path) -> None:
    server = launch("proxy", tiny_models, TRUSTED_PROXIES="1", LOGINS_PER_MINUTE="3").start()
    assert b"Strict-Transport-Security" in raw(server, get("/", "localhost", "X-Forwarded-Proto: https"))
    answers = []
    for number in range(5):  # what a client invents stands left of what the proxy itself adds
        line = f"X-Forwarded-For: 203.0.113.{number}, 198.51.100.7"
        answers += statuses(raw(server, get("/setup/x", "localhost", line)))
    assert answers == [404, 404, 404, 429, 429]
    assert statuses(raw(server, get("/setup/x", "localhost", "X-Forwarded-For: 198.51.100.8"))) == [404]


SMUGGLED = {
    "length and chunks, chunks end first": (["Content-Length: {all}", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    "chunks and length, length ends first": (["Transfer-Encoding: chunked", "Content-Length: 5"], b"0\r\n\r\n"),
    "two lengths": (["Content-Length: 0", "Content-Length: {all}"], b""),
    "two lengths in one": (["Content-Length: 0, {all}"], b""),
    "length with a sign": (["Content-Length: +0"], b""),
    "negative length": (["Content-Length: -1"], b""),
    "length in hexadecimal": (["Content-Length: 0x0"], b""),
    "unknown coding": (["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
    "chunked twice": (["Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n"),
    "chunked, then identity": (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], b"0\r\n\r\n"),
    "a space before the colon": (["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
    "a folded line": (["Transfer-Encoding:", " chunked"], b"0\r\n\r\n"),
    "an underscore": (["Content-Length: {all}", "Transfer_Encoding: chunked"], b"0\r\n\r\n"),
    "a chunk size with a sign": (["Transfer-Encoding: chunked"], b"+0\r\n\r\n"),
    "a chunk size with 0x": (["Transfer-Encoding: chunked"], b"0x0\r\n\r\n"),
    "line feeds only": (["Transfer-Encoding: chunked"], b"0\n\n"),
}


LENIENT = "line feeds only"


@hosts
@pytest.mark.parametrize("kind", SMUGGLED)
def test_a_request_with_two_ends_is_refused_and_what_hides_behind_it_is_not_answered(
    server: Server, seen: Seen, kind: str
) -> None:
    headers, body = SMUGGLED[kind]
    size = str(len(body + HIDDEN))
    lines = ["POST /api/v1/studies HTTP/1.1", "Host: localhost", *(line.replace("{all}", size) for line in headers)]
    worker = worker_of(server)
    received = raw(server, "\r\n".join(lines).encode() + b"\r\n\r\n" + body + HIDDEN)
    if kind == LENIENT and isinstance(server, FrontDoor):
        seen(
            f"{kind}: {statuses(received)}, nginx reads a line feed as the end of a line, and says a length to gunicorn"
        )
        assert len(statuses(received)) == 2, "two requests of one client, each with its own end"
        return
    assert b'"alive"' not in received, f"the hidden request was answered: {received[:300]!r}"
    found = statuses(received)
    assert 1 <= len(found) <= 2, "a second answer may only say that what follows is no request"
    assert all(400 <= status < 502 for status in found)
    if len(found) == 2:
        assert b"\r\nConnection: close\r\n" in received.split(b"HTTP/1.1 ")[-1]
    assert worker_of(server) == worker
    seen(f"{kind}: {found}")


@hosts
def test_two_honest_requests_on_one_connection_are_both_answered(server: Server) -> None:
    """The counterpart: what the tests above look for does show when nothing is hidden."""
    assert raw(server, HIDDEN + HIDDEN).count(b'"alive"') == 2


@hosts
@pytest.mark.parametrize(
    "line", ["GET /\x00 HTTP/1.1", "G<script>ET / HTTP/1.1", "GET / HTTP/9.9", "GET", "GET / HTTP/1.1\r\nBad<b>Name: x"]
)
def test_what_is_no_http_is_refused_in_the_shape_of_every_refusal(server: Server, line: str) -> None:
    received = raw(server, f"{line}\r\nHost: localhost\r\n\r\n".encode("latin-1"))
    assert len(statuses(received)) == 1
    assert 400 <= statuses(received)[0] < 506
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"nosniff" in head
    assert b"frame-ancestors 'none'" in head
    assert b"script" not in body
    if b"application/json" in head:
        assert set(json.loads(body)) == {"code", "message", "request_id"}
