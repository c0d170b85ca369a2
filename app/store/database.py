"""How SQLite is opened: a safe library, durable commits, one writer at a time."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import URL, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from app.config import BadSetting
from app.setting_readers import secret_key
from app.web.extensions import db

try:  # Debian 12's Python carries SQLite 3.40, which has the WAL-reset bug (sqlite.org/wal.html#walresetbug)
    import pysqlite3 as driver
except ImportError:  # other platforms take Python's own
    driver = sqlite3

__all__ = ["DAMAGED", "DATABASE", "driver", "is_full", "is_locked", "is_out_of_reach", "prepare", "turn", "writing"]

DATABASE = "sonotriage.db"  # in the data folder
FIXED_SINCE = (3, 51, 3)
DAMAGED = (driver.Error, UnicodeDecodeError)  # the latter where SQLite's message quotes a damaged name
BUSY_TIMEOUT_MS = 5000
CONNECTIONS = {"pool_size": 12, "max_overflow": 12}  # fewer than threads: a thread that waits holds none
STORELESS_COMMAND = "analyse"

log = logging.getLogger(__name__)
_turns = threading.RLock()


def prepare(app: Flask) -> None:
    """Make the data folder and the secret key, and point Flask-SQLAlchemy at the database file.

    Raises:
        BadSetting: the kept secret key is empty.
    """
    folder: Path = app.config["DATA_DIR"]
    if _is_storeless():
        app.config.setdefault("SQLALCHEMY_DATABASE_URI", "sqlite://")
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = _kept_secret(folder / "secret_key")
    address = URL.create("sqlite", database=str(folder / DATABASE))  # a path may hold "?", an address may not
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", address)
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {"module": driver, **CONNECTIONS})
    if driver.sqlite_version_info < FIXED_SINCE:
        log.warning("SQLite %s has a known corruption bug; 3.51.3 or newer is advised", driver.sqlite_version)


def _is_storeless() -> bool:
    """True for `flask analyse`: it keeps nothing, so it must not leave a data folder behind."""
    return os.environ.get("FLASK_RUN_FROM_CLI") == "true" and STORELESS_COMMAND in sys.argv[1:]


def _kept_secret(path: Path) -> str:
    """The secret key of this installation: read, or made once with owner-only rights.

    Raises:
        BadSetting: the file is empty, or holds what can be guessed.
    """
    if not path.exists():
        _make_secret(path)
    secret = path.read_text(encoding="ascii", errors="replace").strip()
    if not secret:
        raise BadSetting(
            f"{path} is empty. Put a copy of it back, or remove it: then a new one is made, everybody has to sign in "
            "again, and browsers can no longer delete what they sent."
        )
    try:
        return secret_key(secret)
    except ValueError as error:
        raise BadSetting(f"{path}: {error}.") from error


def _make_secret(path: Path) -> None:
    """Make the file whole or not at all; one that another process makes meanwhile stays."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        _name(Path(temporary), path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _name(temporary: Path, path: Path) -> None:
    """Give a whole file its name, unless there is one of that name."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links, as on some sticks and network drives
        if not path.exists():
            temporary.replace(path)


@contextmanager
def turn() -> Iterator[None]:
    """Inside, no other thread of this process writes."""
    with _turns:
        yield


@contextmanager
def writing() -> Iterator[None]:
    """A transaction that holds the write lock from its start and commits at its end.

    What the session had read before is read anew, so that a decision made inside rests on the present state.

    The threads of this process take turns here: left to SQLite they would sleep and try again, ever longer the more
    there are, while nobody writes.

    Raises:
        OperationalError: another process held the lock for longer than the busy timeout, or the disk is full.
    """
    db.session.rollback()
    with _turns:
        db.session.connection(execution_options={"is_writing": True})
        try:
            yield
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise


def is_full(error: OperationalError) -> bool:
    """True when SQLite could not write because the disk is full."""
    return "disk is full" in str(error.orig)


def is_locked(error: OperationalError) -> bool:
    """True when another process held the database for longer than the busy timeout."""
    return "locked" in str(error.orig) or "busy" in str(error.orig)


def is_out_of_reach(error: DatabaseError) -> bool:
    """True when the file could not be opened, locked or read from the disk, which says nothing about what it holds."""
    is_header_damaged = "unsupported file format" in str(error.orig)  # SQLite has no code of its own for it
    return isinstance(error, OperationalError) and not is_header_damaged


@event.listens_for(Engine, "connect")
def _durable(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Every new SQLite connection: WAL, fsync on each commit, foreign keys, patience, zeros over what is deleted."""
    connection.isolation_level = None  # SQLAlchemy's begin event below starts transactions, not the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    """Plain BEGIN for readers; a writer asks for the write lock up front with `writing()`."""
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
