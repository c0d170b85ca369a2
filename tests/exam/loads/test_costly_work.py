"""Work that costs a server much and whoever asks for it little: drawings, files made of endless pieces."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.exam import watching
from tests.exam.conftest import Launch
from tests.exam.footprint import children, worker_of
from tests.exam.marks import exam
from tests.exam.senders import load
from tests.factories import bombs, pictures
from tests.factories.server import ROOT, Server

pytestmark = pytest.mark.alone

Seen = Callable[[str], None]
Untouched = Callable[[], AbstractContextManager[None]]
SIDE = (4900, 4950)  # width, height: 24 megapixels
BOMBS: dict[str, Callable[[], bytes]] = {
    "scans": lambda: bombs.jpeg_scans(30_000),
    "scans of 25 megapixels": lambda: bombs.jpeg_scans(900, 5000, 5000),
    "fill bytes": lambda: bombs.jpeg_fill(40_000_000),
    "comments of a JPEG": lambda: bombs.jpeg_comments(10_000_000),
    "chunks": lambda: bombs.png_chunks(4_000_000),
    "blocks of a GIF": lambda: bombs.gif_blocks(20_000_000),
    "run lengths": lambda: bombs.bmp_lines(20_000_000),
    "strips": lambda: bombs.tiff_strips(10_000_000),
    "elements": lambda: bombs.dicom_elements(5_000_000),
    "items": lambda: bombs.dicom_items(5_000_000),
    "regions": lambda: bombs.dicom_regions(5_000_000),
    "fragments": lambda: bombs.dicom_fragments(5_000_000),
}


def large(seed: int) -> bytes:
    """A picture of 24 megapixels with a lesion, each seed another one."""
    small = Image.fromarray(pictures.ultrasound(seed, "oval", 495, 490))
    return pictures.encoded(np.asarray(small.resize(SIDE, Image.Resampling.BILINEAR)), compress_level=1)


@pytest.fixture(scope="module")
def overlay(server: Server) -> str:
    """The address of the overlay of a picture of 24 megapixels."""
    status, answer = server.upload(large(3))
    assert (status, answer["status"]) == (201, "done"), answer
    return str(answer["links"]["overlay"])


class Answers:
    """How long answers of quick addresses took meanwhile, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def figures(self) -> str:
        return f"median {statistics.median(self.seconds) * 1000:.0f} ms, slowest {max(self.seconds) * 1000:.0f} ms"


@contextmanager
def asked(server: Server, path: str, every_s: float = 0.1) -> Iterator[Answers]:
    """Inside, an address is asked for again and again; each has to answer 200."""
    found, stopping = Answers(), threading.Event()

    def work() -> None:
        while not stopping.is_set():
            started = time.monotonic()
            assert server.get(path)[0] == 200
            found.seconds.append(time.monotonic() - started)
            stopping.wait(every_s)

    with ThreadPoolExecutor(1) as asker:
        asking = asker.submit(work)
        try:
            yield found
        finally:
            stopping.set()
        asking.result()


def _statuses(server: Server, path: str, count: int) -> tuple[Counter[int], float]:
    """What so many requests at once are answered, and for how many seconds."""
    started = time.monotonic()
    with ThreadPoolExecutor(count) as people:
        statuses = Counter(status for status, _ in people.map(lambda _: server.get(path), range(count)))
    return statuses, time.monotonic() - started


@exam(
    "S4",
    given="12 requests at once for the overlay of a picture of 24 megapixels, and an upload beside them (before: "
    "2,500 MB, a database connection each, and the analysis timed out)",
    expected="Drawn, or 503 with Retry-After; less than 400 MiB more; `/health/live` within 1 s; the upload is read",
)
def test_overlays_of_a_large_picture_are_drawn_in_turns(server: Server, overlay: str, seen: Seen) -> None:
    server.get(overlay)
    before, (factor, busy) = watching.memory(server), load.slack()
    with ThreadPoolExecutor(1) as person:
        with watching.watched(server, 0.02) as found, asked(server, "/health/live") as health:
            upload = person.submit(server.upload, pictures.encoded(pictures.ultrasound(17)))
            statuses, seconds = _statuses(server, overlay, 12)
        status, answer = upload.result()
    more = found.highest - before
    seen(
        f"{dict(statuses)} in {seconds:.1f} s; {more:.0f} MiB more; upload {status} {answer.get('status')}; "
        f"health {health.figures()}{busy}"
    )
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= 1
    assert more < 400
    assert (status, answer["status"]) == (201, "done")
    assert max(health.seconds) < factor


@exam(
    "S4",
    given="4 requests at once for it in its full size",
    expected="Drawn one after the other, or 503 with Retry-After; less than 400 MiB more",
)
def test_four_overlays_in_full_size_take_little_memory(server: Server, overlay: str, seen: Seen) -> None:
    server.get(overlay)
    before = watching.memory(server)
    with watching.watched(server, 0.02) as found:
        statuses, seconds = _statuses(server, f"{overlay}?size=full", 4)
    more = found.highest - before
    seen(f"{dict(statuses)} in {seconds:.1f} s; {more:.0f} MiB more")
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= 2
    assert more < 400


@exam(
    "S4",
    given="200 requests at once for it, of programs that have it already",
    expected="304 each; nothing is decoded or drawn",
)
def test_whoever_has_it_already_is_told_at_once(server: Server, overlay: str, seen: Seen) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", overlay)
    answer = connection.getresponse()
    answer.read()
    started = time.monotonic()
    for _ in range(200):
        connection.request("GET", overlay, headers={"If-None-Match": str(answer.getheader("ETag"))})
        again = connection.getresponse()
        assert (again.status, again.read()) == (304, b"")
    connection.close()
    seen(f"304 200 times in {time.monotonic() - started:.1f} s")
    assert time.monotonic() - started < 20


@exam(
    "S4",
    given="60 requests at once for it in its full size, and an upload of 24 megapixels beside them",
    expected="Drawn, or 503 `drawing_busy`; `/login` within 2 s; the upload is read; nothing is killed",
)
def test_more_requests_than_threads_leave_room_for_others(server: Server, overlay: str, seen: Seen) -> None:
    serving, (factor, busy) = worker_of(server), load.slack()
    with ThreadPoolExecutor(1) as person:
        with watching.watched(server, 0.05) as found, asked(server, "/login") as login:
            upload = person.submit(server.upload, large(4))
            statuses, seconds = _statuses(server, f"{overlay}?size=full", 60)
        status, answer = upload.result()
    seen(
        f"{dict(statuses)} in {seconds:.1f} s; {found.highest:.0f} MiB at the highest; upload {status} "
        f"{answer.get('status')}; /login {login.figures()}{busy}"
    )
    assert set(statuses) <= {200, 503}
    assert worker_of(server) == serving
    assert status in (201, 202)
    assert load.lost(server, [answer["id"]], 120) == []
    assert max(login.seconds) < 2 * factor


@exam(
    "S5",
    given="8 clients that send nothing but progressive JPEGs of 30,000 empty scans, honest uploads and `/login` beside "
    "them, for 20 s (before: 503 for the honest, `/login` in 18 s)",
    expected="422 `too_many_pieces`; every honest upload is taken in; `/login` within 1 s",
)
def test_endless_scans_are_refused_before_they_are_decoded(server: Server, seen: Seen) -> None:
    bomb, scans, factor = bombs.jpeg_scans(30_000, 1400, 1400), load.Scans(400, 500), load.slack()
    server.upload(scans())
    with ThreadPoolExecutor(2) as senders, asked(server, "/login") as login:
        hostile = senders.submit(load.closed, server, 8, 20.0, lambda: bomb)
        honest = senders.submit(load.open_loop, server, 1.0, 20.0, scans)
        bad, good = hostile.result(), honest.result()
    seen(f"{len(bomb) / 1e3:.0f} kB: {bad.codes()}; honest: {good.figures()}; /login {login.figures()}{factor[1]}")
    assert {(one.status, one.code) for one in bad.sent} <= {(422, "too_many_pieces"), (503, "decoder_busy")}
    assert {one.status for one in good.sent} <= {201, 202}
    assert load.lost(server, good.acknowledged, 60) == []
    assert max(login.seconds) < factor[0]


@exam(
    "S5",
    given="Files of endless cheap pieces: scans, chunks, comments, run lengths, strips, elements, items, fragments",
    expected="4xx with a sentence, each within 5 s; nothing is kept",
)
@pytest.mark.parametrize("name", BOMBS)
def test_endless_pieces_are_counted(server: Server, untouched: Untouched, seen: Seen, name: str) -> None:
    content, (factor, busy) = BOMBS[name](), load.slack()
    server.upload(pictures.encoded(pictures.ultrasound(int.from_bytes(name.encode()) % 90)))
    with untouched():
        started = time.monotonic()
        status, answer = server.upload(content)
        seconds = time.monotonic() - started
    seen(f"{name}, {len(content) / 1e6:.1f} MB: {status} {answer.get('code')} in {seconds:.1f} s{busy}")
    assert status == 422
    assert answer["code"] in ("too_many_pieces", "bad_dicom")
    assert answer["message"].endswith(".")
    assert seconds < 5 * factor


@exam(
    "S5",
    given="Files that take longer than `DECODE_TIMEOUT_S`, one after the other from one address, honest uploads from "
    "another beside them",
    expected="422 `decode_timeout`, after three of them 429 `sender_paused` with Retry-After; the honest go on",
)
def test_time_that_runs_out_counts_against_its_sender(launch: Launch, seen: Seen) -> None:
    server = launch(DECODE_TIMEOUT_S="1", TRUSTED_PROXIES="1").start()
    slow = bombs.tiff_jpeg(95, 5000, 5000)
    answers = [server.upload(slow, **{"X-Forwarded-For": "192.0.2.7"}) for _ in range(4)]
    codes = [f"{status} {answer['code']}" for status, answer in answers]
    paused, _ = server.upload(pictures.encoded(pictures.ultrasound(1)), **{"X-Forwarded-For": "192.0.2.7"})
    honest, _ = server.upload(pictures.encoded(pictures.ultrasound(2)), **{"X-Forwarded-For": "192.0.2.8"})
    seen(f"{', '.join(codes)}; the next picture from there {paused}, from elsewhere {honest}")
    assert codes == ["422 decode_timeout"] * 3 + ["429 sender_paused"]
    assert (paused, honest) == (429, 201)


@exam(
    "S13",
    given="A process that is shut in as a decoder is tries to open database, secret key, log and folder of the server, "
    "a socket, another process (before: all of it worked)",
    expected="Each is refused by the kernel; the decoders at work are shut in and hold no file of the data folder",
)
def test_a_decoder_that_is_taken_over_reaches_nothing(server: Server, seen: Seen) -> None:
    server.upload(pictures.encoded(pictures.ultrasound(5)))
    tried = _tried(server)
    decoders = [status_of(child) for child in children(worker_of(server))]
    held = [link for child in children(worker_of(server)) for link in _files(child) if str(server.data) in link]
    seen(f"refused: {', '.join(tried)}; decoders: {[(one['Seccomp'], one['NoNewPrivs']) for one in decoders]}")
    assert len(tried) == 10
    assert set(tried.values()) == {"Operation not permitted"}
    assert decoders
    assert all((one["Seccomp"], one["NoNewPrivs"]) == ("2", "1") for one in decoders)
    assert held == []


_TRY = """
import json, os, socket, sys
from imaging.files import decoder_process, sandbox, warm_up
warm_up.use_every_reader()
data, server, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sandbox.enter()
ways = {
    "database": lambda: open(data + "/sonotriage.db", "rb"), "secret key": lambda: open(data + "/secret_key"),
    "pictures": lambda: os.listdir(data + "/pictures"), "a new file": lambda: open(data + "/new", "w"),
    "its environment": lambda: open(f"/proc/{server}/environ", "rb"), "its memory": lambda: open(f"/proc/{server}/mem"),
    "a connection": lambda: socket.create_connection(("127.0.0.1", port)), "a signal": lambda: os.kill(server, 0),
    "a process": os.fork, "a program": lambda: os.execv("/bin/true", ["true"]),
}
answers = {}
for name, way in ways.items():
    try:
        way()
        answers[name] = "done"
    except OSError as error:
        answers[name] = error.strerror
sys.stdout.write(json.dumps(answers))
"""


def _tried(server: Server) -> dict[str, str]:
    """What the kernel says to each try."""
    command = [sys.executable, "-c", _TRY, str(server.data), str(worker_of(server)), str(server.port)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    answers: dict[str, str] = json.loads(found.stdout)
    return answers


def status_of(process: int) -> dict[str, str]:
    """Lines of /proc/PID/status by their names."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _files(process: int) -> list[str]:
    return [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()]
