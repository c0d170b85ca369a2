"""A proxy that nobody announced is told to the operator, once."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from flask import Flask

MakeApp = Callable[..., Flask]
FORWARDED = {"X-Forwarded-For": "198.51.100.7"}


def told(app: Flask, caplog: pytest.LogCaptureFixture, *requests: dict[str, str]) -> list[str]:
    caplog.set_level(logging.WARNING)
    for headers in requests:
        assert app.test_client().get("/health/live", headers=headers).status_code == 200
    return [record.getMessage() for record in caplog.records if "TRUSTED_PROXIES" in record.getMessage()]


def test_the_first_forwarded_request_is_told_without_its_address(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    sentences = told(app, caplog, {}, FORWARDED, FORWARDED, {"Forwarded": "for=198.51.100.7"})
    assert len(sentences) == 1
    assert "198.51.100.7" not in sentences[0]


def test_ordinary_requests_are_not_told(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    assert told(app, caplog, {}, {"User-Agent": "x"}) == []


def test_an_announced_proxy_is_not_told(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    assert told(make_app(TRUSTED_PROXIES=1), caplog, FORWARDED) == []
