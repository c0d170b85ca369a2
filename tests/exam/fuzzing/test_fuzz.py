"""Damaged files by the thousand, through the door that everybody uses."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.exam.conftest import Launch
from tests.exam.footprint import children, memory_kb, worker_of
from tests.exam.fuzzing.fuzz import mutated
from tests.exam.marks import exam
from tests.factories.networks import write_tiny_networks
from tests.factories.server import Server

# `make fuzz` reads these, so that another night can try other files.
MANY, FIRST = int(os.environ.get("FUZZ_FILES", "10000")), int(os.environ.get("FUZZ_FIRST", "0"))
FEW, AT_ONCE, LONGEST_S = 300, 4, 25.0
# Caches and pools fill up in the beginning; what grows after that would go on growing.
SETTLED_AFTER, MORE_MEMORY_MB, MORE_OPEN = 200, 64, 8
GIVEN = (
    "files of every kind that is read (rasters, DICOM of each encoding, without preamble, deflated, in gzip and ZIP) "
    "with flipped bytes, cuts, wrong lengths, swapped parts, foreign tails"
)
EXPECTED = "Each is refused with 413, 415 or 422, or read to an end; nobody waits, nothing dies, nothing grows"


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `word` is the code of a refusal, or the status that its image ended with."""

    number: int
    status: int
    word: str
    seconds: float


@pytest.fixture
def server(launch: Launch, tmp_path: Path) -> Server:
    """A server with tiny networks: what is examined stands in front of them."""
    return launch(models=write_tiny_networks(tmp_path / "models")).start()


@exam("FZ1", given=f"{FEW} {GIVEN}", expected=EXPECTED)
def test_some_damaged_files_do_no_harm(server: Server, seen: Callable[[str], None]) -> None:
    seen(survived(server, range(FEW), settled_after=100))


@pytest.mark.long
@exam("FZ1", given=f"{MANY} {GIVEN}", expected=EXPECTED)
def test_many_damaged_files_do_no_harm(server: Server, seen: Callable[[str], None]) -> None:
    seen(survived(server, range(FIRST, FIRST + MANY), settled_after=SETTLED_AFTER))


def survived(server: Server, numbers: range, settled_after: int) -> str:
    """Send the damaged files of these numbers; the figures, when the server took no harm."""
    worker, began = worker_of(server), time.monotonic()
    outcomes = sent(server, numbers[:settled_after])
    memory, opened = memory_kb(worker), open_files(worker)
    outcomes += sent(server, numbers[settled_after:])
    assert [one for one in outcomes if not is_fine(one)] == [], (
        "write one with `python -m tests.exam.fuzzing.fuzz NUMBER`"
    )
    assert worker_of(server) == worker, "the serving process died"
    grown_mb, more = (memory_kb(worker) - memory) / 1024, open_files(worker) - opened
    assert grown_mb < MORE_MEMORY_MB, f"memory grew by {grown_mb:.0f} MiB"
    assert more <= MORE_OPEN, f"{more} more files are open"
    assert len(children(worker)) <= 2, "decoders were left behind"
    counts = Counter(f"{one.status} {one.word}" for one in outcomes)
    assert any(one.status == 201 for one in outcomes), "no file was accepted: the mutations are too coarse"
    assert len(counts) > 3, f"the mutations reach next to nothing: {counts}"
    slowest = max(one.seconds for one in outcomes)
    return (
        f"{len(outcomes)} files in {time.monotonic() - began:.0f} s; {listed(counts)}; slowest answer {slowest:.2f} s; "
        f"memory {grown_mb:+.0f} MiB, open files {more:+d}"
    )


def sent(server: Server, numbers: Iterable[int]) -> list[Outcome]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda number: outcome(server, number), numbers))


def outcome(server: Server, number: int) -> Outcome:
    """Send one file; an accepted one is followed to its end."""
    kind, content = mutated(number)
    began = time.monotonic()
    status, answer = server.upload(content, f"picture.{kind}")
    seconds = time.monotonic() - began
    while answer.get("status") == "queued" and time.monotonic() - began < 120:
        time.sleep(0.1)
        answer = json.loads(server.get(answer["links"]["self"])[1])
    return Outcome(number, status, str(answer.get("code") or answer.get("status")), seconds)


def is_fine(one: Outcome) -> bool:
    """An answer in time: a refusal of the file, but not for its time, or an image that came to an end."""
    is_refusal = one.status in (413, 415, 422) and one.word != "decode_timeout"
    is_ended = one.status in (200, 201, 202) and one.word in ("done", "declined", "failed")
    return one.seconds < LONGEST_S and (is_refusal or is_ended)


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common())


def open_files(process_id: int) -> int:
    return len(list(Path(f"/proc/{process_id}/fd").iterdir()))
