"""The server is exchanged while people use it: signal HUP under load, and a database that is newer than the code."""

from __future__ import annotations

import ast
import http.client
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.store.database import driver
from tests.exam.conftest import Launch
from tests.exam.faults import deaths, wait_for_worker
from tests.exam.footprint import worker_of
from tests.exam.fuzzing import oracle
from tests.exam.marks import exam
from tests.exam.senders import load
from tests.factories.server import ROOT, Server

# What a later version may do to tables that an earlier one still uses.
ADDITIVE = {"create_table", "add_column", "create_index", "batch_alter_table", "f", "execute", "get_bind"}
RENAMING = "0002_a_picture_is_an_image"  # the one that the earlier version can't go on beside


@dataclass
class Visits:
    """Answers to somebody who opens the first page again and again, on one kept connection and on new ones."""

    statuses: Counter[int] = field(default_factory=Counter)
    longest_s: float = 0.0


@exam(
    "F30",
    given="Signal HUP again and again while pictures and visitors come in; a later version has added a column",
    expected="No 5xx and no refused connection; nothing acknowledged is lost",
)
@pytest.mark.parametrize("times", [1, pytest.param(50, marks=pytest.mark.long)])
def test_an_exchange_of_the_server_is_not_noticed(
    times: int, launch_outermost: Launch, tiny_models: Path, seen: Callable[[str], None]
) -> None:
    server = launch_outermost(models=tiny_models).start()
    assert server.process is not None
    runs, visits = list[load.Run](), Visits()
    scans, stopping = load.Scans(150, 180), threading.Event()
    with _visitor(server, visits), _senders(server, scans, stopping, runs):
        _add_column(server)
        for _ in range(times):
            before = worker_of(server)
            time.sleep(1)
            os.kill(server.process.pid, signal.SIGHUP)
            wait_for_worker(server, other_than=before)
            time.sleep(1)
    sent = [one for run in runs for one in run.sent]
    verdict = oracle.examine(server, [one.image_id for one in sent if one.status in load.ACKNOWLEDGED])
    codes = Counter(one.status for one in sent)
    uploads = load.Run(tuple(sent), 0.0).codes()
    seen(
        f"{times} exchanges under {len(sent)} uploads: {uploads}; pages {dict(visits.statuses)}, the longest took "
        f"{visits.longest_s:.1f} s; {verdict}"
    )
    assert set(codes) <= {200, 201, 202}
    assert deaths(server) == server.log.read_text(encoding="utf-8").count("terminate called") == 0
    assert set(visits.statuses) == {200}
    assert verdict.faults == []
    assert verdict.rows > 0


def _add_column(server: Server) -> None:
    with closing(driver.connect(server.data / "sonotriage.db", timeout=10)) as database:
        database.execute("ALTER TABLE image ADD COLUMN of_a_later_version TEXT")


@contextmanager
def _senders(server: Server, scans: load.Scans, stopping: threading.Event, runs: list[load.Run]) -> Iterator[None]:
    def picture() -> bytes:
        time.sleep(0.1)
        return scans()

    def work() -> None:
        while not stopping.is_set():
            runs.append(load.closed(server, 1, 2, picture))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


@contextmanager
def _visitor(server: Server, visits: Visits) -> Iterator[None]:
    """Inside, somebody opens the first page ten times a second, as a browser does: a kept connection that the server
    has closed meanwhile is opened again, once. Where a start takes long, so does the page."""
    stopping = threading.Event()

    def work() -> None:
        kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not stopping.wait(0.1):
            started = time.monotonic()
            status = _opened(kept) or _opened(kept)
            visits.statuses[status] += 1
            visits.longest_s = max(visits.longest_s, time.monotonic() - started)
        kept.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _opened(connection: http.client.HTTPConnection) -> int:
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0


@exam(
    "F30",
    given="Every migration of the database",
    expected="It only adds, so that the earlier version goes on beside the later one; 0002 renames, and wants a stop",
)
def test_migrations_only_add(seen: Callable[[str], None]) -> None:
    paths = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    done = {path.stem: set(_operations(path)) for path in paths if path.stem != RENAMING}
    assert len(done) == len(paths) - 1
    assert all(done.values())
    seen(f"{len(paths)} migrations: {', '.join(sorted(set.union(*done.values()) - {'f'}))}")
    assert {name: found - ADDITIVE for name, found in done.items() if found - ADDITIVE} == {}


def _operations(path: Path) -> Iterator[str]:
    """Names of the operations in a migration's `upgrade`, such as `create_table` in `op.create_table(...)`."""
    functions = ast.parse(path.read_text(encoding="utf-8")).body
    (upgrade,) = (one for one in functions if isinstance(one, ast.FunctionDef) and one.name == "upgrade")
    for node in ast.walk(upgrade):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("op", "batch_op"):
            yield node.attr
