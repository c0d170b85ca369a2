"""What the start says of settings that are likely not meant so."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from app import config
from app.upkeep import startup
from app.upkeep.doubts import doubts


def told(**environment: str) -> list[str]:
    return doubts(environment, config.load(environment))


def test_the_defaults_leave_no_doubt() -> None:
    assert told() == []
    assert told(PATH="/bin", SONOTRIAGE_PORT="8001", SONOTRIAGE_FAILPOINT="before-commit") == []


def test_a_name_that_nobody_reads_is_told_with_the_one_that_was_meant() -> None:
    (sentence,) = told(SONOTRIAGE_MAX_UPLOADS_MB="10")
    assert "no setting SONOTRIAGE_MAX_UPLOADS_MB" in sentence
    assert "Is SONOTRIAGE_MAX_UPLOAD_MB meant?" in sentence


def test_a_name_like_no_other_is_told_without_a_guess() -> None:
    (sentence,) = told(SONOTRIAGE_QQQ="1")
    assert "meant" not in sentence


@pytest.mark.parametrize("listen", ["0.0.0.0", "::", "[::]", "192.0.2.1"])
def test_unencrypted_logins_beyond_this_machine_are_told(listen: str) -> None:
    cookies, hosts = told(LISTEN=listen)
    assert "COOKIE_SECURE=no" in cookies
    assert "ALLOWED_HOSTS is empty" in hosts
    assert told(LISTEN=listen, COOKIE_SECURE="yes", ALLOWED_HOSTS="triage.example.org") == []


@pytest.mark.parametrize("listen", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_this_machine_alone_is_no_doubt(listen: str) -> None:
    assert told(LISTEN=listen) == []


def test_the_start_logs_them(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONOTRIAGE_PROT", "80")
    caplog.set_level(logging.WARNING)
    startup.check(config.load({**os.environ, "DATA_DIR": str(tmp_path)}))
    assert [record.levelname for record in caplog.records if "SONOTRIAGE_PROT" in record.getMessage()] == ["WARNING"]
