"""The real server and clients that keep it waiting: it answers everybody else, and ends what stands still."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.serving import security
from patient_worker import REFUSAL, PatientWorker
from tests.factories.networks import write_tiny_networks
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("patient")
    running = Server(folder / "data", write_tiny_networks(folder / "models"), WEB_THREADS="2")
    running.start()
    yield running
    running.stop()


def opened(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def test_more_slow_clients_than_threads_hold_nobody_up(server: Server) -> None:
    slow = [opened(server) for _ in range(30)]
    for number, connection in enumerate(slow):
        connection.sendall([b"", LIVE[:20], b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"][number % 3])
    started = time.monotonic()
    assert server.get("/health/live")[0] == 200
    assert time.monotonic() - started < 3
    for connection in slow:
        connection.close()


def test_requests_on_one_connection_are_answered_in_turn(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/health/live")
        assert connection.getresponse().read() == b'{"status":"alive"}\n'
    connection.close()


def test_requests_sent_ahead_are_answered_one_after_the_other(server: Server) -> None:
    with opened(server) as connection:
        connection.sendall(LIVE * 3)
        received = b""
        while received.count(b'"alive"') < 3:
            piece = connection.recv(4096)
            assert piece
            received += piece
    assert received.count(b"HTTP/1.1 200 OK") == 3


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(server: Server) -> None:
    head = b"POST /api/v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with opened(server) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"body")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"100 Continue" not in answer


def test_nothing_after_a_refused_body_is_taken_for_a_request(server: Server) -> None:
    with opened(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + LIVE)
        received = b""
        while piece := connection.recv(4096):
            received += piece
    assert received.startswith(b"HTTP/1.1 413")
    assert received.count(b"HTTP/1.1") == 1


def test_a_client_that_is_gone_leaves_no_request(server: Server) -> None:
    before = server.get("/metrics")[1].count(b"/api/v1/studies")
    for _ in range(5):
        with opened(server) as connection:
            connection.sendall(b"POST /api/v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx")
    time.sleep(0.3)
    assert server.get("/metrics")[1].count(b"/api/v1/studies") == before


def test_an_upload_of_several_pieces_is_taken_in(server: Server) -> None:
    content = encoded(ultrasound(3, "oval", 1200, 1400))
    assert len(content) > 600_000
    assert server.upload(content)[0] in (201, 202)


def test_a_server_that_is_asked_to_stop_does_not_wait_for_silent_clients(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", write_tiny_networks(tmp_path / "models")).start()
    silent = [opened(server) for _ in range(5)]
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 15
    assert server.process is not None
    assert server.process.returncode == 0
    for connection in silent:
        connection.close()


def test_a_request_that_just_missed_the_end_is_answered(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", write_tiny_networks(tmp_path / "models")).start()
    assert server.process is not None
    try:
        with opened(server) as connection:
            time.sleep(0.5)  # it is taken, and empty
            server.process.terminate()
            time.sleep(1.3)  # the worker has looked at its connections once
            connection.sendall(LIVE)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    finally:
        server.stop()


def test_server_and_application_mean_the_same() -> None:
    assert REFUSAL == security.REFUSAL
    assert PatientWorker.body_limit == 50_000_000 + security.FORM_OVERHEAD_BYTES
