"""What nobody read of a body is taken when the answer begins, and only where the body ends by itself."""

from __future__ import annotations

import io

import pytest
from flask import Flask, request

from app.serving import whole_bodies


@pytest.fixture(params=["/run/app.sock", ""])
def app(request: pytest.FixtureRequest) -> Flask:
    made = Flask(__name__)
    made.config["SOCKET"] = request.param
    whole_bodies.bind(made)
    return made


def test_what_was_not_read_is_taken_behind_the_front_door_alone(app: Flask) -> None:
    app.add_url_rule("/", view_func=lambda: request.stream.read(10), methods=["POST"])
    for ends_itself in (True, False):
        body = io.BytesIO(b"0123456789" * 20_000)
        environ = {"wsgi.input_terminated": ends_itself}
        answer = app.test_client().post("/", input_stream=body, environ_overrides=environ)
        assert answer.data == b"0123456789"
        is_taken = body.read() == b""
        assert is_taken == (bool(app.config["SOCKET"]) and ends_itself)
