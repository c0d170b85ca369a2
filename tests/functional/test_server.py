"""The server as it is shipped: it starts, answers, and ends in order."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories.server import Server

pytestmark = pytest.mark.slow


def test_a_stopped_server_ends_in_order_and_wrote_nothing_but_json(
    tmp_path: Path, tiny_models: Path, scan: Callable[..., bytes]
) -> None:
    server = Server(tmp_path / "data", tiny_models).start()
    assert server.process is not None
    try:
        status, image = server.upload(scan())
        assert (status, image["status"]) == (201, "done")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    finally:
        server.stop()
    lines = server.log.read_text(encoding="utf-8").splitlines()
    messages = [json.loads(line)["message"] for line in lines]
    assert "request" in messages
    assert not [message for message in messages if "SIGABRT" in message or "SIGKILL" in message]
