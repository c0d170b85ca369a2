"""What a server takes while something happens: memory, open files, the log of the database. Linux only."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.exam.footprint import children, worker_of
from tests.factories.server import FrontDoor, Server


@dataclass
class Watched:
    """Samples: seconds since the start, memory in MiB, open files, MiB of the database's write-ahead log.

    `own` is the memory that belongs to no file: the kernel drops and fetches pages of files as others need room.
    """

    at_s: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    log: list[float] = field(default_factory=list)

    @property
    def highest(self) -> float:
        return max(self.memory)

    def growth_an_hour(self, skipped: float = 0.5) -> float:
        """MiB an hour that its own memory grows by: the slope of a line through the later samples."""
        times, memory = np.array(self.at_s), np.array(self.own)
        is_later = times >= skipped * times[-1]
        return float(np.polyfit(times[is_later] / 3600, memory[is_later], 1)[0])


@contextmanager
def watched(server: Server, every_s: float) -> Iterator[Watched]:
    """Inside, a sample every so many seconds."""
    found, stopping, start = Watched(), threading.Event(), time.monotonic()

    def work() -> None:
        while True:
            found.at_s.append(time.monotonic() - start)
            found.memory.append(memory(server))
            found.own.append(memory(server, "Pss_Anon"))
            found.files.append(open_files(server))
            found.log.append(size_mb(server.data / "sonotriage.db-wal"))
            if stopping.wait(every_s):
                return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stopping.set()
        thread.join()


def memory(server: Server, kind: str = "Pss") -> float:
    """MiB of the server's processes together (gunicorn, decoders, nginx); what they share counts once, and so does
    what nginx holds for senders and readers.

    Args:
        kind: Pss for all pages, Pss_Anon for those that belong to no file.
    """
    assert server.process is not None
    held = sum(server.held("bodies")) + sum(server.held("answers")) if isinstance(server, FrontDoor) else 0
    return sum(_proportional_kb(process, kind) for process in _tree(server.process.pid)) / 1024 + held / 2**20


def _tree(process: int) -> list[int]:
    """A process and all its descendants."""
    try:
        return [process, *(one for child in children(process) for one in _tree(child))]
    except FileNotFoundError:
        return []  # it ended meanwhile


def _proportional_kb(process_id: int, kind: str) -> int:
    """Resident KiB, pages that several processes share divided among them."""
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it ended meanwhile
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))


def open_files(server: Server) -> int:
    """Open files of the serving process, but those of database connections: their pool has a bound of its own."""
    targets = [_target(link) for link in Path(f"/proc/{worker_of(server)}/fd").iterdir()]
    return sum(1 for target in targets if not target.startswith(str(server.data / "sonotriage.db")))


def connections(server: Server) -> int:
    """Database connections of the serving process that are open: each holds the database file once."""
    links = Path(f"/proc/{worker_of(server)}/fd").iterdir()
    return sum(1 for link in links if _target(link) == str(server.data / "sonotriage.db"))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""  # it was closed meanwhile


def size_mb(path: Path) -> float:
    """MiB of a file, 0 when it is not there."""
    try:
        return path.stat().st_size / 2**20
    except FileNotFoundError:
        return 0.0
