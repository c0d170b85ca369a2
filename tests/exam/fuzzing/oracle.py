"""Nothing is lost: what must hold after a fault, whatever it was, once the server runs again."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.store.database import driver  # the fixed SQLite, never the system's
from tests.factories.server import ROOT, Server

ENDED = ("done", "declined", "failed")
END_EVENTS = ("image.analyse", "image.decline")
ORPHAN_AGE_S = 3600


@dataclass(frozen=True)
class Verdict:
    """What was counted; `faults` is empty when nothing was lost, doubled or left behind."""

    rows: int = 0
    states: dict[str, int] = field(default_factory=dict)
    orphans: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        return f"{self.rows} rows ({states}), {self.orphans} young orphans, {len(self.faults)} faults"


def examine(server: Server, acknowledged: Iterable[str], wait_s: float = 120.0) -> Verdict:
    """Wait until every row has ended in the running server, then judge what is kept.

    Args:
        acknowledged: ids of the images that the server said it had taken.
    """
    faults = [f"{image_id} never ended" for image_id in _not_ended(server, wait_s)]
    with closing(driver.connect(server.data / "sonotriage.db", timeout=10)) as database:
        rows = database.execute("SELECT id, status, picture_sha256 FROM image").fetchall()
        results = dict(database.execute("SELECT image_id, COUNT(*) FROM analysis GROUP BY image_id").fetchall())
        ends = dict(
            database.execute(
                f"SELECT image_id, COUNT(*) FROM audit_event WHERE action IN {END_EVENTS} GROUP BY image_id"
            ).fetchall()
        )
        state = database.execute("PRAGMA integrity_check").fetchone()[0]
    faults += [] if state == "ok" else [f"integrity_check: {state}"]
    known = {image_id for image_id, _, _ in rows}
    faults += [f"{image_id} was acknowledged and is gone" for image_id in sorted(set(acknowledged) - known)]
    for image_id, status, key in rows:
        faults += _of_row(server.data, image_id, status, key, results.get(image_id, 0), ends.get(image_id, 0))
    orphans = _orphans(server.data)
    faults += _of_files(server.data, orphans) + _of_check(server, len(orphans))
    states: dict[str, int] = {}
    for _, status, _ in rows:
        states[status] = states.get(status, 0) + 1
    return Verdict(len(rows), states, len(orphans), faults)


def _not_ended(server: Server, wait_s: float) -> list[str]:
    deadline = time.monotonic() + wait_s
    query = f"SELECT id FROM image WHERE status NOT IN {ENDED}"
    while True:
        with closing(driver.connect(server.data / "sonotriage.db", timeout=10)) as database:
            waiting = [row[0] for row in database.execute(query)]
        if not waiting or time.monotonic() > deadline:
            return waiting
        time.sleep(0.2)


def _of_row(data: Path, image_id: str, status: str, key: str, results: int, ends: int) -> list[str]:
    """A done image has one result and one end in the audit trail; a declined one has no result and one end."""
    wanted = {"done": (1, 1), "declined": (0, 1), "failed": (0, 0)}.get(status)
    found = [] if (results, ends) == wanted else [f"{image_id} is {status} with {results} results and {ends} ends"]
    path = data / "pictures" / key[:2] / f"{key}.png"
    if not path.is_file():
        found.append(f"{image_id} lost its picture")
    elif hashlib.sha256(path.read_bytes()).hexdigest() != key:
        found.append(f"{image_id} has a damaged picture")
    return found


def _orphans(data: Path) -> list[Path]:
    with closing(driver.connect(data / "sonotriage.db", timeout=10)) as database:
        named = {row[0] for row in database.execute("SELECT picture_sha256 FROM image")}
        for column in ("mask_sha256", "heat_sha256", "thumbnail_sha256"):
            named |= {row[0] for row in database.execute(f"SELECT {column} FROM analysis")}
    return [path for path in (data / "pictures").glob("*/*.png") if path.stem not in named]


def _of_files(data: Path, orphans: list[Path]) -> list[str]:
    """No orphan and no temporary file older than an hour."""
    limit = time.time() - ORPHAN_AGE_S
    old = [path for path in [*orphans, *data.rglob("*.tmp")] if path.stat().st_mtime < limit]
    return [f"{path.name} was left behind" for path in old]


def _of_check(server: Server, orphans: int) -> list[str]:
    """`flask check` comes to the same."""
    ended = run_flask(server, "check")
    wanted = ("database: ok", f"damaged or missing: 0, orphaned pictures: {orphans}")
    is_same = ended.returncode == 0 and all(line in ended.stdout for line in wanted)
    return [] if is_same else [f"flask check says: {ended.stdout.strip()} {ended.stderr[-300:]}"]


def run_flask(server: Server, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A command of the product in `folder`, with the server's environment, whatever its exit status."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
    environment = {name: text for name, text in server.environment.items() if name != "SONOTRIAGE_FAILPOINT"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def age(paths: Iterable[Path], hours: float) -> None:
    """Make files as old as if they had been written hours ago."""
    then = time.time() - hours * 3600
    for path in paths:
        os.utime(path, (then, then))


def waiting_ids(server: Server, status: str) -> list[str]:
    """Ids of the images in a state, straight from the database file."""
    with closing(driver.connect(server.data / "sonotriage.db", timeout=10)) as database:
        return [row[0] for row in database.execute("SELECT id FROM image WHERE status = ?", (status,))]


def json_of(server: Server, path: str) -> dict[str, Any]:
    """JSON of a GET; {} when nobody answers."""
    body = server.get(path, accept="application/json")[1]
    found: dict[str, Any] = json.loads(body) if body else {}
    return found
