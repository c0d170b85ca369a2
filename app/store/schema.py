"""What a database is made of, compared with what our revisions make: nothing else may come in with a backup.

A trigger or a view in a foreign database acts on its own: it can hide rows from the triage list while every row is
sound. So tables, indexes, triggers and views must be exactly those that the revisions make of an empty database.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alembic.command
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection

from app.store.database import DAMAGED, driver

_REVISION = "SELECT version_num FROM alembic_version"


class UnknownSchema(RuntimeError):
    """The database is not what our revisions make; the message says what differs."""


@dataclass(frozen=True)
class Part:
    """A table, index, trigger or view, with the statement that makes it."""

    kind: str
    name: str
    statement: str


def prove(path: Path, is_older_allowed: bool = False) -> None:
    """Compare a database with what the revisions make.

    Raises:
        UnknownSchema: it comes from a newer version, or from an older one that is not allowed, or holds anything that
            the revisions do not make.
    """
    revision = _revision(path)
    script = ScriptDirectory.from_config(_config())
    if revision not in {one.revision for one in script.walk_revisions()}:
        raise UnknownSchema("Its tables are not known to this version: it may come from a newer one.")
    if revision != script.get_current_head() and not is_older_allowed:
        raise UnknownSchema("Its tables are those of an older version. If that is right, say so with --older.")
    found, wanted = _parts(path), _made(revision)
    unknown = sorted(f"{part.kind} {part.name}" for part in found - wanted)
    missing = sorted(f"{part.kind} {part.name}" for part in wanted - found)
    if unknown or missing:
        words = [f"not ours: {', '.join(unknown)}"] * bool(unknown) + [f"missing: {', '.join(missing)}"] * bool(missing)
        raise UnknownSchema(f"Its tables are not those that this product makes ({'; '.join(words)}).")


def build(path: Path, revision: str = "head") -> None:
    """Run the revisions that a database lacks, up to one of them; a new file gets all its tables."""
    _upgrade(f"sqlite:///{path}", revision)


def opened(path: Path) -> Any:
    """A connection to a database that nobody has vouched for; to be closed by whoever asks."""
    connection = driver.connect(path, isolation_level=None)
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    return connection


def _revision(path: Path) -> str:
    try:
        with closing(opened(path)) as database:
            kinds = database.execute("SELECT type FROM sqlite_master WHERE name = 'alembic_version'").fetchall()
            rows = database.execute(_REVISION).fetchall() if kinds == [("table",)] else []
    except DAMAGED as error:
        raise UnknownSchema("Its database is damaged.") from error
    if len(rows) != 1:
        raise UnknownSchema("Its database does not say which version made it.")
    return str(rows[0][0])


def _parts(path: Path) -> set[Part]:
    with closing(opened(path)) as database:
        return _parts_of(database)


def _made(revision: str) -> set[Part]:
    """What the revisions up to this one make of an empty database."""
    return _upgrade("sqlite://", revision)


def _upgrade(address: str, revision: str) -> set[Part]:
    engine = create_engine(address, module=driver)
    try:
        with engine.connect() as connection:
            config = _config()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, revision)
            return _parts_of(_raw(connection))
    finally:
        engine.dispose()


def _raw(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _parts_of(database: Any) -> set[Part]:
    rows = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {Part(kind, name, re.sub(r"\s+", " ", statement or "").strip()) for kind, name, statement in rows}


def _config() -> Config:
    migrate = current_app.extensions["migrate"].migrate
    config: Config = migrate.get_config()
    return config
