"""Others at the same database, stops and slow starts: F11, F12, F29, F31."""

from __future__ import annotations

import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.store import failpoints
from app.store.database import FIXED_SINCE, driver
from tests.exam.conftest import Launch
from tests.exam.faults import TAKEN, Sender, armed, deaths, is_alive, picture, sound_after_restart
from tests.exam.footprint import worker_of
from tests.exam.fuzzing.oracle import examine, waiting_ids
from tests.exam.marks import exam
from tests.factories.server import Server

pytestmark = pytest.mark.alone

Seen = Callable[[str], None]


@contextmanager
def locked(server: Server) -> Iterator[None]:
    """Inside, somebody else holds the database."""
    with closing(driver.connect(server.data / "sonotriage.db", timeout=10, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")


@exam("F11", given="Another process holds the database for 2 seconds", expected="the upload waits, and is taken")
def test_a_short_lock_is_waited_for(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = launch(models=tiny_models).start()
    sender = Sender(server)
    sending = threading.Thread(target=sender.once, args=(1,))
    started = time.monotonic()
    with locked(server):
        sending.start()
        time.sleep(2)
    sending.join()
    seconds = time.monotonic() - started
    verdict = examine(server, sender.acknowledged.values())
    assert (len(sender.acknowledged), sender.faults, verdict.faults) == (1, [], [])
    seen(f"taken {seconds - 2:.1f} s after the lock was let go")


@pytest.mark.parametrize("held_s", [3, pytest.param(30, marks=pytest.mark.long)])
@exam("F11", given="Another process holds the database for 30 seconds (a few in the short run)",
      expected="503 with Retry-After after 5 s of waiting; nothing half is kept; pages can be read")  # fmt: skip
def test_a_long_lock_refuses_uploads_and_keeps_nothing(
    launch: Launch, tiny_models: Path, seen: Seen, held_s: int
) -> None:
    server = launch(models=tiny_models).start()
    sender = Sender(server)
    sender.insist(0)
    refused: list[tuple[int, str | None, float]] = []
    with locked(server):
        ends = time.monotonic() + held_s
        while time.monotonic() < ends:
            refused.append(refusal(server, picture(1 + len(refused))))
        page = server.get(f"/r/{sender.acknowledged[0]}")[0]
    sender.insist(99)
    verdict = examine(server, sender.acknowledged.values())
    assert {(status, retry is not None) for status, retry, _ in refused} == {(503, True)}
    assert max(seconds for _, _, seconds in refused) < 15  # 5 s of patience, on a busy machine
    assert page == 200
    assert verdict.faults == []
    assert verdict.rows == 2
    slowest = max(seconds for _, _, seconds in refused)
    seen(f"{held_s} s: {len(refused)} uploads refused with 503, the slowest after {slowest:.1f} s; {verdict}")


def refusal(server: Server, content: bytes) -> tuple[int, str | None, float]:
    """Status, Retry-After and seconds of an upload."""
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + content + b"\r\n--x--\r\n"
    request = urllib.request.Request(
        f"{server.address}/api/v1/studies", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    started = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, None, time.monotonic() - started
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Retry-After"], time.monotonic() - started


@pytest.mark.parametrize("seconds", [5, pytest.param(600, marks=pytest.mark.long)])
@exam("F12", given="Two servers write to one data folder at the same time",
      expected="nothing is corrupted or read twice; SQLite is 3.51.3 or newer")  # fmt: skip
def test_two_servers_on_one_folder_do_no_harm(launch: Launch, tiny_models: Path, seen: Seen, seconds: int) -> None:
    first = launch(models=tiny_models, WAIT_S="0").start()
    second = launch(models=tiny_models, WAIT_S="0").start()
    senders = [Sender(first), Sender(second)]
    senders[1].numbers = iter(range(1, 10_000_000))  # type: ignore[assignment] - mostly the same pictures at both
    with senders[0].busy(), senders[1].busy():
        time.sleep(seconds)
    acknowledged = {image_id for sender in senders for image_id in sender.acknowledged.values()}
    verdict = examine(first, acknowledged, wait_s=300)
    assert [sender.faults for sender in senders] == [[], []]
    assert verdict.faults == []
    assert verdict.rows == len(acknowledged)
    assert driver.sqlite_version_info >= FIXED_SINCE
    sent = sum(len(sender.acknowledged) for sender in senders)
    seen(f"{seconds} s, {sent} uploads at two servers; {verdict}; SQLite {driver.sqlite_version}")


@exam(
    "F29",
    given="SIGTERM while 50 pictures wait and 20 are being sent",
    expected="requests end or get a clean refusal, the server ends in order, the queue goes on at the next start",
)
def test_a_stop_with_a_full_queue_loses_nothing(launch_outermost: Launch, tiny_models: Path, seen: Seen) -> None:
    server = armed(launch_outermost(models=tiny_models, WAIT_S="0"), f"{failpoints.INFERENCE}:2:3")
    assert server.process is not None
    sender = Sender(server)
    for number in range(50):
        sender.insist(number)
    waiting = len(waiting_ids(server, "queued")) + len(waiting_ids(server, "running"))
    statuses: list[int] = []
    sending = [
        threading.Thread(target=lambda number=number: statuses.append(sender.once(number))) for number in range(50, 70)
    ]
    for thread in sending:
        thread.start()
    time.sleep(0.2)
    server.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    code = server.process.wait(60)
    seconds = time.monotonic() - started
    for thread in sending:
        thread.join()
    assert waiting >= 30, "hardly anything waited"
    assert set(statuses) <= {*TAKEN, 503, 0}
    assert code == 0
    verdict = sound_after_restart(server, sender)
    assert verdict.states == {"done": verdict.rows}
    taken = sum(status in TAKEN for status in statuses)
    seen(f"{waiting} waited; of 20 uploads {taken} taken, {20 - taken} refused; ended in {seconds:.1f} s; {verdict}")


@exam("F31", given="The first inference takes three times as long as gunicorn's worker timeout",
      expected="no worker is killed for it; the server answers meanwhile")  # fmt: skip
def test_a_slow_first_inference_is_no_dead_worker(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = launch(models=tiny_models, WAIT_S="0", GUNICORN_CMD_ARGS="--timeout 3")
    armed(server, f"{failpoints.INFERENCE}:1:9")
    worker, sender = worker_of(server), Sender(server)
    sender.insist(0)
    started, answers = time.monotonic(), 0
    while waiting_ids(server, "queued") or waiting_ids(server, "running"):
        assert is_alive(server)
        answers += 1
        time.sleep(0.2)
    seconds = time.monotonic() - started
    assert seconds > 6
    assert worker_of(server) == worker
    assert deaths(server) == 0
    verdict = examine(server, sender.acknowledged.values())
    assert verdict.faults == []
    seen(f"{seconds:.0f} s with a timeout of 3 s: the same worker, {answers} of {answers} answers meanwhile; {verdict}")
