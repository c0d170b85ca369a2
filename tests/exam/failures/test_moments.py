"""`kill -9` at moments that nobody chose: during an upload, while the networks run, inside a decoder. F1, F4, F6."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.store import failpoints
from app.store.database import driver
from tests.exam.conftest import Launch
from tests.exam.faults import Sender, armed, kill_worker, until, wait_for_worker
from tests.exam.footprint import children, footprint, worker_of
from tests.exam.fuzzing.oracle import examine, waiting_ids
from tests.exam.marks import exam
from tests.factories.pictures import encoded
from tests.factories.server import Server

ROUNDS = [2, pytest.param(50, marks=pytest.mark.long)]
Seen = Callable[[str], None]


def grain(height: int, width: int, seed: int = 1) -> bytes:
    """A picture that no compression makes small."""
    return encoded(np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8), compress_level=0)


def send_part(server: Server, body: bytes, share: float) -> socket.socket:
    """Open an upload and send a share of its body."""
    head = (
        f"POST /api/v1/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: multipart/form-data; boundary=frontier\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(head.encode() + body[: int(len(body) * share)])
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """What still comes over a connection; nothing when it is reset, or when the next worker waits for the rest."""
    connection.settimeout(1)
    with connection:
        try:
            return connection.recv(4096)
        except (ConnectionError, TimeoutError):
            return b""


@pytest.mark.parametrize("rounds", ROUNDS)
@exam("F1", given="kill -9 of the server after 0 to 100 % of an upload",
      expected="the connection breaks, nothing is kept, and sending it again works")  # fmt: skip
def test_a_kill_during_an_upload_leaves_nothing(launch: Launch, tiny_models: Path, seen: Seen, rounds: int) -> None:
    server = launch(models=tiny_models).start()
    chance, sender = random.Random(rounds), Sender(server)
    start = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = start + grain(1200, 1600) + b"\r\n--frontier--\r\n"
    shares = [0.0, *(chance.random() for _ in range(rounds - 2)), (len(body) - 1) / len(body)]
    for share in shares:
        before, worker = footprint(server), worker_of(server)
        connection = send_part(server, body, share)
        time.sleep(chance.uniform(0.0, 0.2))
        kill_worker(server)
        assert not rest_of(connection).startswith(b"HTTP/1.1 2")
        wait_for_worker(server, other_than=worker)
        after = footprint(server)
        assert (after.rows, after.files) == (before.rows, before.files)
        sender.insist(next(sender.numbers))
    verdict = examine(server, sender.acknowledged.values())
    assert (sender.faults, verdict.faults) == ([], [])
    seen(f"{len(shares)} kills between 0 and 100 % of {len(body) / 1e6:.1f} MB, nothing kept; {verdict}")


@pytest.mark.parametrize("rounds", ROUNDS)
@exam("F4", given="kill -9 while the shipped networks run, every fifth time of the whole server",
      expected="the pictures are read after the restart; each has one result")  # fmt: skip
def test_a_kill_while_the_networks_run_gives_one_result(launch: Launch, seen: Seen, rounds: int) -> None:
    server = launch(WAIT_S="0").start()
    chance, sender, interrupted = random.Random(rounds), Sender(server), 0
    for turn in range(rounds):
        for _ in range(3):
            sender.insist(next(sender.numbers))
        until(lambda: bool(waiting_ids(server, "running")), 30, pause_s=0.002)
        time.sleep(chance.uniform(0.0, 0.15))
        worker = worker_of(server)
        if turn % 5 == 4:
            server.kill()
            interrupted += bool(waiting_ids(server, "running"))
            server.start()
        else:
            kill_worker(server)
            interrupted += bool(waiting_ids(server, "running"))
            wait_for_worker(server, other_than=worker)
        until(lambda: not waiting_ids(server, "queued") and not waiting_ids(server, "running"), 120, pause_s=0.1)
    verdict = examine(server, sender.acknowledged.values())
    assert (sender.faults, verdict.faults) == ([], [])
    assert interrupted > 0, "no kill met a running image"
    assert verdict.states.get("failed", 0) == 0
    seen(f"{rounds} kills, {interrupted} met an image in the networks; {verdict}")


@pytest.mark.long
@exam("F6", given="One of eight waiting pictures ends the process whenever it is read (kill -9 at that moment)",
      expected="it is given up after three times, and can be looked at; the others are read")  # fmt: skip
def test_a_picture_that_ends_the_process_is_given_up_alone(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    server = armed(launch(models=tiny_models, WAIT_S="0"), f"{failpoints.INFERENCE}:1:1.5")
    sender, kills = Sender(server), 0
    for number in range(8):
        sender.insist(number)
    poison = sender.acknowledged[7]
    while (state := state_of(server, poison))[0] in ("queued", "running"):
        if state == ("running", kills + 1):  # under way in this process, not left over from the last one
            kills, worker = kills + 1, worker_of(server)
            kill_worker(server)
            wait_for_worker(server, other_than=worker)
        time.sleep(0.01)
    verdict = examine(server, sender.acknowledged.values())
    assert (sender.faults, verdict.faults) == ([], [])
    assert (kills, state_of(server, poison), verdict.states) == (3, ("failed", 3), {"done": 7, "failed": 1})
    page = server.get(f"/r/{poison}")[0]
    assert page == 200
    seen(f"{kills} kills, then given up, its page {page}; {verdict}")


def state_of(server: Server, image_id: str) -> tuple[str, int]:
    """Status and counted attempts of an image."""
    with closing(driver.connect(server.data / "sonotriage.db", timeout=10)) as database:
        status, attempts = database.execute("SELECT status, attempts FROM image WHERE id = ?", (image_id,)).fetchone()
    return status, attempts


@pytest.mark.parametrize("rounds", [1, pytest.param(50, marks=pytest.mark.long)])
@exam("F6", given="The decoding process dies of SIGSEGV in the middle of a large picture",
      expected="that picture is declined with 422; others that are sent meanwhile are read")  # fmt: skip
def test_a_decoder_that_dies_declines_its_picture_and_nothing_else(
    launch: Launch, tiny_models: Path, seen: Seen, rounds: int
) -> None:
    server = launch(models=tiny_models).start()
    sender, worker = Sender(server), worker_of(server)
    until(lambda: bool(children(worker)))
    codes = [killed_while_decoding(server, sender) for _ in range(rounds)]
    assert codes == ["damaged_image"] * rounds
    assert worker_of(server) == worker
    verdict = examine(server, sender.acknowledged.values())
    assert (sender.faults, verdict.faults) == ([], [])
    assert verdict.rows == len(sender.acknowledged) == rounds
    seen(f"{rounds} decoders killed, {rounds} pictures declined with 422, {rounds} others read by the same server")


def killed_while_decoding(server: Server, sender: Sender) -> str:
    """Send a large picture, kill the process that decodes it, send another one; the code of the first's answer."""
    answers: list[tuple[int, dict[str, object]]] = []
    large = threading.Thread(target=lambda: answers.append(server.upload(grain(4800, 5000))))
    large.start()
    until(lambda: bool(decoding(server)), 30, pause_s=0.001)
    for child in decoding(server):
        os.kill(child, signal.SIGSEGV)
    sender.insist(next(sender.numbers))
    large.join()
    (status, answer), = answers  # fmt: skip
    assert status == 422, answer
    return str(answer["code"])


def decoding(server: Server) -> list[int]:
    """Children of the serving process that hold much more memory than idle ones (90 MB): with the large picture."""
    return [child for child in children(worker_of(server)) if held(child) > 115_000_000]


def held(child: int) -> int:
    """Bytes of memory that a process holds; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{child}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
