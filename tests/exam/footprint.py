"""What a server has on disk, in its database and in memory: compared before and after an upload that is refused."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.factories.server import Server

# Written by the server itself at any time: no trace of an upload.
_OWN = ("-wal", "-shm", ".lock", ".log")


@dataclass(frozen=True)
class Footprint:
    """Rows per table that an upload can write to, files below the data folder, and the serving process."""

    rows: dict[str, int]
    files: frozenset[str]
    process_id: int


def footprint(server: Server) -> Footprint:
    """What is there now."""
    assert server.process is not None
    with closing(sqlite3.connect(server.data / "sonotriage.db", timeout=10)) as database:
        rows = {table: _count(database, table) for table in ("image", "analysis", "review")}
    files = frozenset(
        str(path.relative_to(server.data))
        for path in server.data.rglob("*")
        if path.is_file() and not path.name.endswith(_OWN)
    )
    return Footprint(rows, files, worker_of(server))


def _count(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def worker_of(server: Server) -> int:
    """Process id of gunicorn's worker, the process that serves.

    While other children end, the kernel may leave some out of the list (proc(5)): look again for a while.
    """
    assert server.process is not None
    deadline = time.monotonic() + 10
    while not (found := children(server.gunicorn)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found, "the server has no worker"
    return found[0]


def children(process_id: int) -> list[int]:
    """Direct children of a process (Linux)."""
    found: list[int] = []
    for task in Path(f"/proc/{process_id}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread ended meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def memory_kb(process_id: int, entry: str = "VmRSS") -> int:
    """Resident memory of a process in KiB: `VmRSS` now, `VmHWM` at its highest."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith(f"{entry}:"):
            return int(line.split()[1])
    raise AssertionError(f"{entry} is not in the status of process {process_id}")


@contextmanager
def untouched(server: Server, more_memory_mb: int = 200) -> Iterator[None]:
    """Inside, uploads are refused: afterwards rows, files and the serving process must be those of before."""
    before, memory = footprint(server), memory_kb(worker_of(server))
    yield
    after = footprint(server)
    assert after.rows == before.rows, "rows were left behind"
    assert after.files == before.files, f"files were left behind: {sorted(after.files - before.files)}"
    assert after.process_id == before.process_id, "the serving process is another one: the old one died"
    assert memory_kb(worker_of(server)) - memory < more_memory_mb * 1024, "memory grew"
