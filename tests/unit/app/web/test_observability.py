"""Logs that a program can read and that tell nothing about a person."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web import observability
from server.json_log import JsonFormatter, Unquoted, logging_settings

CANARY = "Jane-Canary-1970"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the product's loggers write, as the server formats it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class TestFormatter:
    def test_a_record_is_one_line_of_json_with_its_extras(self, logged: io.StringIO) -> None:
        logging.getLogger("part").info("done in %s", "time", extra={"stage": "decode"})
        (line,) = lines(logged)
        assert (line["level"], line["logger"], line["message"]) == ("info", "part", "done in time")
        assert line["stage"] == "decode"
        assert line["time"].endswith("+00:00")

    @pytest.mark.parametrize("evil", ["\n[INFO] admin logged in", "\r\n{}", "\u2028x", "\x1b[31m", '","level":"x'])
    def test_no_text_can_begin_a_line_of_its_own(self, logged: io.StringIO, evil: str) -> None:
        logging.getLogger("part").warning(evil, extra={"field": evil})
        assert logged.getvalue().count("\n") == 1
        assert logged.getvalue().isascii()
        (line,) = lines(logged)
        assert (line["message"], line["field"]) == (evil, evil)

    def test_an_exception_is_told_by_its_type_and_place_but_not_by_its_text(self, logged: io.StringIO) -> None:
        try:
            try:
                int(CANARY)
            except ValueError as error:
                raise RuntimeError(CANARY) from error
        except RuntimeError:
            logging.getLogger("part").exception("failed")
        (line,) = lines(logged)
        assert line["error"] == "RuntimeError"
        assert any("ValueError" in frame for frame in line["stack"])
        assert any("test_observability" in frame for frame in line["stack"])
        assert CANARY not in logged.getvalue()

    def test_what_can_t_be_written_as_json_is_written_as_text(self) -> None:
        record = logging.makeLogRecord({"msg": "x", "args": (), "what": object()})
        assert "object object" in json.loads(JsonFormatter().format(record))["what"]

    def test_an_empty_exception_does_not_break_the_line(self) -> None:
        record = logging.makeLogRecord({"msg": "x", "args": (), "exc_info": sys.exc_info()})
        assert "error" not in json.loads(JsonFormatter().format(record))


def test_the_settings_of_logging_quieten_what_quotes_headers_addresses_or_places() -> None:
    settings = logging_settings("DEBUG")
    assert settings["root"]["level"] == "DEBUG"
    levels = {name: settings["loggers"][name]["level"] for name in ("pydicom", "flask-limiter", "geopy")}
    assert levels == {"pydicom": "CRITICAL", "flask-limiter": "ERROR", "geopy": "WARNING"}


@pytest.mark.parametrize(
    ("text", "arguments", "kept"),
    [
        (f"Invalid request from ip=198.51.100.7: Invalid HTTP header: '{CANARY}'", (), "Invalid request"),
        ("Error handling request %s %s", ("GET", f"/r/{CANARY}"), "Error handling request"),
        ("Booting worker with pid: %s", (7,), "Booting worker with pid: 7"),
    ],
)
def test_the_server_s_own_lines_quote_nothing_that_was_sent(
    text: str, arguments: tuple[object, ...], kept: str
) -> None:
    record = logging.makeLogRecord({"msg": text, "args": arguments})
    assert Unquoted().filter(record)
    assert json.loads(JsonFormatter().format(record))["message"] == kept


class TestRequests:
    def test_every_answer_carries_a_new_request_id(self, client: FlaskClient) -> None:
        ids = {client.get(path).headers["X-Request-ID"] for path in ("/health/live", "/nowhere", "/api/v1/nowhere")}
        assert len(ids) == 3
        assert all(len(one) == 32 for one in ids)

    def test_a_foreign_id_is_believed_from_a_proxy_only(self, make_app: Callable[..., Flask]) -> None:
        given = {"X-Request-ID": "abcdef123456"}
        direct, proxied = make_app(), make_app(TRUSTED_PROXIES=1)
        assert direct.test_client().get("/health/live", headers=given).headers["X-Request-ID"] != "abcdef123456"
        assert proxied.test_client().get("/health/live", headers=given).headers["X-Request-ID"] == "abcdef123456"
        evil = {"X-Request-ID": "x y; <script>"}
        assert "script" not in proxied.test_client().get("/health/live", headers=evil).headers["X-Request-ID"]

    def test_a_request_is_logged_by_its_route_without_what_it_asked_for(
        self, client: FlaskClient, logged: io.StringIO
    ) -> None:
        secret = "0123456789abcdef" * 2
        client.get(f"/r/{secret}?name={CANARY}", headers={"User-Agent": CANARY})
        client.post(
            "/api/v1/studies",
            data={"file": (io.BytesIO(CANARY.encode()), f"{CANARY}.png"), "place": CANARY},
        )
        client.get(f"/{CANARY}")
        requests = [line for line in lines(logged) if line["message"] == "request"]
        assert [line["route"] for line in requests] == ["/r/<image_id>", "/api/v1/studies", "unmatched"]
        assert [line["status"] for line in requests] == [404, 422, 404]
        assert all(len(line["request_id"]) == 32 and line["ms"] >= 0 for line in requests)
        assert CANARY not in logged.getvalue()
        assert secret not in logged.getvalue()
        assert "127.0.0.1" not in logged.getvalue()

    def test_an_error_of_ours_is_logged_once_with_its_route_and_request_id(
        self, make_app: Callable[..., Flask], logged: io.StringIO
    ) -> None:
        app = make_app(TESTING=False)

        @app.get("/broken")
        def broken() -> str:
            raise RuntimeError(CANARY)

        answer = app.test_client().get("/broken")
        assert answer.status_code == 500
        failures = [line for line in lines(logged) if line["level"] == "error"]
        assert any(
            line.get("error") == "RuntimeError" and line["request_id"] == answer.headers["X-Request-ID"]
            for line in failures
        )
        assert CANARY not in logged.getvalue()
        assert CANARY not in answer.text


class TestCounting:
    def test_a_refusal_is_counted_by_its_code_and_goes_on(self) -> None:
        class Refused(Exception):
            code = "made_up"

        before = value("sonotriage_refusals_total", code="made_up")
        with pytest.raises(Refused), observability.counted_upload():
            raise Refused
        assert value("sonotriage_refusals_total", code="made_up") == before + 1

    def test_an_error_without_a_code_counts_as_ours(self) -> None:
        before = value("sonotriage_refusals_total", code="internal_error")
        with pytest.raises(ZeroDivisionError), observability.counted_upload():
            raise ZeroDivisionError
        assert value("sonotriage_refusals_total", code="internal_error") == before + 1

    def test_a_declined_picture_counts_as_any_other(self) -> None:
        before = value("sonotriage_analyses_total", outcome="finished")
        observability.count_declined()
        observability.count_analysis("CPU", {"segment": 5.0})
        assert value("sonotriage_analyses_total", outcome="finished") == before + 2

    def test_the_provider_is_the_last_one_alone(self) -> None:
        for provider in ("CUDA", "CPU"):
            observability.count_analysis(provider, {})
        assert value("sonotriage_provider", provider="CPU") == 1
        assert observability.REGISTRY.get_sample_value("sonotriage_provider", {"provider": "CUDA"}) is None


def value(name: str, **labels: str) -> float:
    return observability.REGISTRY.get_sample_value(name, labels) or 0.0
