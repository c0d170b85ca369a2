"""Settings that are unsafe or impossible: one sentence at the start, never a traceback, never silence."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.exam.conftest import Launch
from tests.exam.faults import refused_start
from tests.exam.fuzzing.oracle import run_flask
from tests.exam.marks import exam
from tests.factories.server import Server

Seen = Callable[[str], None]
IMPOSSIBLE = {
    "SECRET_KEY": ("a", "x" * 64),
    "PORT": ("70000", "eighty"),
    "LISTEN": ("256.0.0.1", "a b"),
    "TRUSTED_PROXIES": ("-1",),
    "WEB_THREADS": ("1000000000",),
    "MAX_UPLOAD_MB": ("1e3",),
    "RETENTION_DAYS": ("999999999",),
    "ALLOWED_HOSTS": ("https://triage.example.org",),
    "METRICS_TOKEN": ("1234",),
    "NOMINATIM_URL": ("http://[",),
    "LOG_LEVEL": ("loud",),
    "COOKIE_SECURE": ("maybe",),
}


def warnings(server: Server) -> list[str]:
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["level"] == "warning"]


@exam("S17", given="SECRET_KEY=a, PORT=70000 and other values that are unsafe or impossible (0.2.0: no word, or a "
      "traceback)", expected="Neither `flask prepare` nor gunicorn starts; one sentence names the setting and shows no "
      "secret; no traceback")  # fmt: skip
@pytest.mark.parametrize("name", sorted(IMPOSSIBLE))
def test_an_impossible_value_stops_the_start_in_a_sentence(
    launch: Launch, tiny_models: object, seen: Seen, name: str
) -> None:
    server = launch(models=tiny_models)
    sentences = []
    for text in IMPOSSIBLE[name]:
        server.environment[name] = text
        prepared, served = run_flask(server, "prepare"), refused_start(server)
        assert prepared.returncode != 0, text
        assert "Traceback" not in prepared.stderr + served
        for told in (prepared.stderr, served):
            (sentence,) = [line for line in told.splitlines() if "can't start" in line]
            assert f"start: {name}" in sentence
        sentences.append(sentence.partition("start: ")[2])
        if name in ("SECRET_KEY", "METRICS_TOKEN"):
            assert not sentence.partition(":")[2].startswith(f" {name}={text!r}")
    seen(sentences[0][:150])


@exam("S17", given="Settings that work and are unsafe: LISTEN=0.0.0.0 without secure cookies and without host names; a "
      "name that no setting has; X-Forwarded headers with TRUSTED_PROXIES=0 (0.2.0: no word)",
      expected="It starts, and the log says each in a sentence; the headers once")  # fmt: skip
def test_unsafe_settings_are_told_at_the_start(launch: Launch, tiny_models: object, seen: Seen) -> None:
    server = launch(
        models=tiny_models, LISTEN="0.0.0.0", PLAIN_SERVER="yes", SONOTRIAGE_MAX_UPLOADS_MB="10", TRUSTED_PROXIES="0"
    ).start()
    found = warnings(server)
    for words in ("COOKIE_SECURE=no", "ALLOWED_HOSTS is empty", "Is SONOTRIAGE_MAX_UPLOAD_MB meant?"):
        assert len([line for line in found if words in line]) == 1, (words, found)
    assert not [line for line in found if "X-Forwarded" in line]
    for _ in range(3):
        assert server.upload(b"x", **{"X-Forwarded-For": "198.51.100.7"})[0] == 415
    told = [line for line in warnings(server) if "TRUSTED_PROXIES" in line]
    assert len(told) == 1
    assert "198.51.100.7" not in server.log.read_text()
    seen(told[0])
