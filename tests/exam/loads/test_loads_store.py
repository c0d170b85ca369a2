"""A full store: a long list, and a backup of gigabytes while people go on sending."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app.store.database import driver
from benchmarks.questions.triage_list import random_filters
from tests.exam import stock
from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders import browser_client, load
from tests.factories.keys import give_keys
from tests.factories.server import Server

pytestmark = pytest.mark.alone

long = pytest.mark.long
BACKUP_GB = float(os.environ.get("BACKUP_GB", "2"))


@exam(
    "L7",
    given="100,000 images and 1,000 users; the triage list with random filters, orders and pages",
    expected="The page is there within 300 ms (p95)",
)
@pytest.mark.parametrize(("images", "users", "times"), [(2000, 20, 15), pytest.param(100_000, 1000, 300, marks=long)])
def test_the_triage_list_stays_fast(
    images: int, users: int, times: int, launch: Launch, seen: Callable[[str], None]
) -> None:
    allowed, note = load.slack()
    server = launch().start()
    browser = browser_client.admin(server)
    assert server.upload(load.Scans(300, 400)())[0] == 201
    stock.add_rows(server, images, users)
    chance, taken = random.Random(3), list[float]()
    for _ in range(times):
        path = f"/admin/?{urlencode(_query(chance, images))}"
        started = time.monotonic()
        answer = browser.get(path)
        taken.append(time.monotonic() - started)
        assert answer.status == 200, path
    p95 = load.quantile(taken, 0.95)
    p50 = load.quantile(taken, 0.5)
    seen(f"{images} images, {users} users: p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms{note}")
    assert p95 <= 0.3 * allowed


def _query(chance: random.Random, images: int) -> dict[str, str]:
    """A narrowed and ordered list, and now and then one of its deep pages."""
    filters = random_filters(chance)
    asked = {
        "label": filters.label, "category": filters.category, "status": filters.status, "ref": filters.reference,
        "reviewed": {True: "yes", False: "no"}.get(filters.is_reviewed), "since": filters.since,
        "until": filters.until, "sort": filters.sort, "page": chance.choice((1, 1, chance.randrange(1, images // 50))),
    }  # fmt: skip
    return {name: str(value) for name, value in asked.items() if value}


@exam(
    "L10",
    given="A backup of gigabytes while pictures come in, and a restore from it",
    expected="Writers wait at most 200 ms for the database; the backup is whole; restored and serving within 10 min",
)
@pytest.mark.parametrize("gigabytes", [0.05, pytest.param(BACKUP_GB, marks=long, id="long")])
def test_a_backup_does_not_stop_the_writers(gigabytes: float, launch: Launch, seen: Callable[[str], None]) -> None:
    allowed, note = load.slack()
    server = launch().start()
    stock.add_pictures(server, gigabytes)
    copy, key = server.data.parent / "backup", give_keys(server, server.data.parent / "keys")
    scans, sent = load.Scans(300, 400), list[str]()
    try:
        with _uploads(server, scans, sent), _waits(server) as waited:
            _until(lambda: bool(sent))
            before, started = list(sent), time.monotonic()
            said = server.flask("backup", str(copy))
            backup_s = time.monotonic() - started
        assert load.lost(server, sent, 60) == []
        server.stop()
        restored = _restored(copy, key, launch)
        assert [image_id for image_id in before if load.status_of(restored[0], image_id) == ""] == []
        assert "missing" not in said
    finally:
        copy.unlink(missing_ok=True)
    longest = max(waited)
    seen(
        f"{gigabytes:g} GB copied, encrypted and checked in {backup_s:.0f} s under {len(sent)} uploads; writers waited "
        f"p99 {load.quantile(waited, 0.99) * 1000:.0f} ms, at most {longest * 1000:.0f} ms; restored and ready in "
        f"{restored[1]:.0f} s{note}"
    )
    assert longest <= 0.2 * allowed
    assert restored[1] <= 600 * allowed


def _restored(copy: Path, key: tuple[str, str], launch: Launch) -> tuple[Server, float]:
    """Another server on the backup's data, and the seconds until it was ready."""
    started = time.monotonic()
    other = launch("restored")
    other.flask("db", "upgrade")
    other.flask("restore", str(copy), *key)
    other.start(timeout_s=600)
    return other, time.monotonic() - started


@contextmanager
def _uploads(server: Server, scans: load.Scans, sent: list[str]) -> Iterator[None]:
    """Inside, two pictures a second come in; `sent` gets the ids of the acknowledged ones."""
    stopping = threading.Event()

    def work() -> None:
        while not stopping.wait(0.5):
            status, answer = server.upload(scans())
            if status in load.ACKNOWLEDGED:
                sent.append(answer["id"])

    with _running(work, stopping):
        yield


@contextmanager
def _waits(server: Server) -> Iterator[list[float]]:
    """Inside, another writer asks for the database's write lock ten times a second; the seconds it waited for it."""
    stopping, waited = threading.Event(), list[float]()

    def work() -> None:
        with closing(driver.connect(server.data / "sonotriage.db", timeout=30, isolation_level=None)) as database:
            while not stopping.wait(0.1):
                started = time.monotonic()
                database.execute("BEGIN IMMEDIATE")
                waited.append(time.monotonic() - started)
                database.execute("ROLLBACK")

    with _running(work, stopping):
        yield waited


@contextmanager
def _running(work: Callable[[], None], stopping: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "no picture was taken"
        time.sleep(0.1)
