"""Deleted words leave the files: SQLite overwrites them with zeros, its log is emptied, the file is rewritten.

`secure_delete` (app/store/database.py) zeroes what is deleted in the database file. What was written lately also
stands in the write-ahead log, until a checkpoint empties that: seconds after a deletion. And when SQLite splits a full
page, it may leave a copy of a row on the old one, which no zeros reach (1 of 300 deleted ids was found in a table of
600). Only rewriting the whole file ends these: within the hour, or, where the file is large, at the next start.
SQLite's `user_version` remembers whether it has to: 0 in a database from before all this, and after each deletion.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import scoped_session

from app.store.database import DATABASE, driver, turn
from app.store.durable import sync

PATIENCE_MS = 100  # a checkpoint that waits for readers holds up the writers as long
TRIES, PAUSE_S = 20, 0.25
SHARE = 1000
LARGEST_IN_MEMORY = 100_000_000  # bytes; about 20,000 images
NEW = ".new"  # after the name of a database that is being written anew
REWRITTEN = 1  # SQLite's user_version of a database without remains

log = logging.getLogger(__name__)

_behind = ThreadPoolExecutor(1, "wiping")  # its thread starts with the first deletion
_is_wanted = threading.Event()


def soon(data: Path, then: Callable[[], None]) -> None:
    """Empty the log behind the answer to whoever deleted, then do the rest; deletions that come together share it."""
    if not _is_wanted.is_set():
        _is_wanted.set()
        _behind.submit(_wipe, data, then)


def _wipe(data: Path, then: Callable[[], None]) -> None:
    _is_wanted.clear()
    try:
        if not _emptied(data):
            log.warning("the database's log could not be emptied yet; the hourly round tries again")
        then()
    except (driver.Error, OSError) as error:
        log.warning("what was deleted is not wiped yet", extra={"error": type(error).__name__})


def _emptied(data: Path) -> bool:
    for _ in range(TRIES):
        if empty_log(data):
            return True
        time.sleep(PAUSE_S)
    return False


def finish() -> None:
    """Wait until what was asked for so far is done."""
    _behind.submit(lambda: None).result()


def empty_log(data: Path) -> bool:
    """Move the write-ahead log into the database and cut it to nothing; False when somebody reads from it just now."""
    if not (data / DATABASE).is_file():
        return True
    with closing(driver.connect(data / DATABASE, isolation_level=None)) as database:
        _careful(database)
        busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def expect_remains(session: scoped_session[Any]) -> None:
    """Note in the transaction of a deletion that the file has to be rewritten."""
    session.execute(text("PRAGMA user_version=0"))


@dataclass
class Rewrites:
    """When the next rewrite is due: writers wait for it, for at most a thousandth of the time."""

    _next_s: float = 0.0

    def is_due(self, moment_s: float) -> bool:
        """Whether the last one is long enough ago."""
        return moment_s >= self._next_s

    def remember(self, moment_s: float, took_s: float) -> None:
        """One ended at this moment."""
        self._next_s = moment_s + SHARE * took_s


_rewrites = Rewrites()


def rewrite_when_due(data: Path) -> None:
    """Rewrite the database of a running server after deletions; its other threads wait with what they write.

    SQLite holds the new file in memory meanwhile, so a large one waits for the next start.
    """
    path = data / DATABASE
    if not _rewrites.is_due(time.monotonic()) or path.stat().st_size > LARGEST_IN_MEMORY:
        return
    try:
        with turn():
            started = time.monotonic()
            is_rewritten = rewrite(path)
    except driver.Error as error:
        log.warning("the database could not be rewritten yet", extra={"error": str(error)})
        return
    if is_rewritten:
        _rewrites.remember(time.monotonic(), time.monotonic() - started)


def rewrite(path: Path) -> bool:
    """Rewrite a database in its place while others may have it open; True when it was needed.

    Raises:
        driver.Error: the disk is full, or another process writes.
    """
    with closing(driver.connect(path, isolation_level=None)) as database:
        _careful(database, patience_ms=5000)
        if not _may_hold_remains(database):
            return False
        before = database.execute("PRAGMA data_version").fetchone()
        database.execute("VACUUM")
        database.execute("BEGIN IMMEDIATE")
        if database.execute("PRAGMA data_version").fetchone() == before:  # no other connection deleted meanwhile
            database.execute(f"PRAGMA user_version={REWRITTEN}")
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True


def replace(path: Path) -> bool:
    """The same for a database that nobody has open, whatever its size: a new file takes its place.

    Raises:
        driver.Error: somebody has it open, it is damaged, or the disk is full. The old file stays.
    """
    if not path.is_file():
        return False
    new = path.with_name(f"{path.name}{NEW}")
    new.unlink(missing_ok=True)
    with closing(driver.connect(path, isolation_level=None)) as database:
        _careful(database)
        if not _may_hold_remains(database):
            return False
        database.execute("PRAGMA journal_mode=DELETE")  # empties the log; refused while another connection is open
        database.execute("BEGIN IMMEDIATE")  # nobody writes into the old file from here on
        with closing(driver.connect(path, isolation_level=None)) as reader:
            reader.execute("VACUUM INTO ?", (str(new),))
        with closing(driver.connect(new, isolation_level=None)) as written:
            written.execute(f"PRAGMA user_version={REWRITTEN}")
        sync(new)
        new.replace(path)
        sync(path.parent)
        return True


def _may_hold_remains(database: Any) -> bool:
    return bool(database.execute("PRAGMA user_version").fetchone()[0] < REWRITTEN)


def _careful(database: Any, patience_ms: int = PATIENCE_MS) -> None:
    database.execute(f"PRAGMA busy_timeout={patience_ms}")
    database.execute("PRAGMA secure_delete=ON")
