"""The answer to bytes that are no request: gunicorn gives it, in the shape and with the headers of every refusal."""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import Any

from server.headers import FILE_POLICY, HEADERS
from server.words import BY_STATUS, INTERNAL


def answer(status: int) -> bytes:
    """A whole HTTP answer. It repeats nothing of what was sent."""
    words = INTERNAL if status == 500 else BY_STATUS[400]
    request_id = secrets.token_hex(16)
    body = json.dumps({"code": words.code, "message": words.sentence, "request_id": request_id}).encode()
    headers = {
        "Connection": "close", "Content-Type": "application/json", "Content-Length": str(len(body)),
        "Cache-Control": "no-store", "Content-Security-Policy": FILE_POLICY, "X-Request-ID": request_id,
        **HEADERS,
    }  # fmt: skip
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def bind(gunicorn_util: Any) -> None:
    """Let gunicorn give this answer instead of its page, which quotes the request and carries no headers."""

    def write(client: Any, status: int, _reason: str, _quoted: str) -> None:
        gunicorn_util.write_nonblock(client, answer(status))

    gunicorn_util.write_error = write
