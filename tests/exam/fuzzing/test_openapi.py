"""The JSON interface against its own description: what it allows, what it forbids, and calls one after another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.exam.conftest import Launch
from tests.exam.footprint import worker_of
from tests.exam.marks import exam
from tests.factories.networks import write_tiny_networks
from tests.factories.server import ROOT, Server

# `make fuzz` reads it, so that another night can try other calls.
SEED = os.environ.get("FUZZ_FIRST", "0")
# A call within the description may still be refused, for the place is unknown or the picture is none.
NOT_CHECKED = "positive_data_acceptance"
GIVEN = "Calls made up from the OpenAPI description, valid ones and broken ones, alone and one after another"
EXPECTED = "Answers are 2xx or 4xx, of a described status, type and shape; what breaks the description is refused"


@pytest.fixture
def server(launch: Launch, tmp_path: Path) -> Server:
    """A server with tiny networks: what is examined stands in front of them."""
    return launch(models=write_tiny_networks(tmp_path / "models")).start()


@exam("FZ2", given=f"{GIVEN}: hundreds", expected=EXPECTED)
def test_some_made_up_calls_are_answered_as_described(
    server: Server, tmp_path: Path, seen: Callable[[str], None]
) -> None:
    seen(answered_as_described(server, tmp_path, "--max-examples", "10"))


@pytest.mark.long
@exam("FZ2", given=f"{GIVEN}: thousands", expected=EXPECTED)
def test_many_made_up_calls_are_answered_as_described(
    server: Server, tmp_path: Path, seen: Callable[[str], None]
) -> None:
    seen(answered_as_described(server, tmp_path, "--max-examples", "1000"))


def answered_as_described(server: Server, folder: Path, *options: str) -> str:
    """Run schemathesis against the server; the figures, when it found nothing."""
    worker = worker_of(server)
    found = run(server, folder, *options)
    report = json.loads((folder / "report.json").read_text())
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    assert report["operations"]["tested"] == report["operations"]["total"] > 5
    assert worker_of(server) == worker, "the serving process died"
    statuses = answers_by_status(folder / "events.ndjson")
    assert {"200", "201", "404", "422"} <= set(statuses), f"the calls reach too little: {statuses}"
    assert all(status[0] in "24" for status in statuses), statuses
    calls = report["test_cases"]["generated"]
    return f"{calls} calls, 0 faults; " + ", ".join(f"{count} x {status}" for status, count in statuses.items())


def run(server: Server, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.address}/api/v1/openapi.json",
        "--exclude-checks", NOT_CHECKED, "--seed", SEED, "--request-timeout", "30", "--continue-on-failure",
        "--generation-database", "none", "--no-color", "--report", "json,ndjson",
        "--report-json-path", str(folder / "report.json"), "--report-ndjson-path", str(folder / "events.ndjson"),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.exam.fuzzing.openapi_hooks"}
    return subprocess.run([*command, *options], cwd=folder, env=environment, capture_output=True, text=True)


def answers_by_status(events: Path) -> dict[str, int]:
    """How often each status was answered, in the order of the statuses."""
    counts: dict[str, int] = {}
    for line in events.read_text().splitlines():
        for status in statuses_in(json.loads(line)):
            counts[status] = counts.get(status, 0) + 1
    return dict(sorted(counts.items()))


def statuses_in(event: Any) -> list[str]:
    """The statuses of the answers that an event tells of, however deep."""
    if isinstance(event, list):
        return [status for one in event for status in statuses_in(one)]
    if not isinstance(event, dict):
        return []
    own = [str(event["status_code"])] if "status_code" in event else []
    return own + [status for one in event.values() for status in statuses_in(one)]
