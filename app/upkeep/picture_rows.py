"""The rows of a database that lies still: which pictures they name, and what is deleted when they go.

Works on a file that no session has open, and on tables of every version so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.store import erasures
from app.store.pictures import KEY
from app.store.schema import opened
from app.upkeep.archive import PICTURES
from app.upkeep.backup_keys import BadBackup

_RESULTS = ("mask_sha256", "heat_sha256", "thumbnail_sha256")


@dataclass(frozen=True)
class PictureRows:
    """Keys of the kept picture of every row; the same one more than once where the same pixels were sent twice."""

    keys: tuple[str, ...]


def picture_rows(path: Path) -> PictureRows:
    """Prove that a database is sound and return what its rows name.

    Raises:
        BadBackup: it is not sound, or a row names what is no key of a picture.
        driver.Error: it can't be read at all.
    """
    with closing(opened(path)) as database:
        if database.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise BadBackup("The database is damaged.")
        if database.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise BadBackup("Rows of the database belong to rows that are not there.")
        keys = [row[0] for row in database.execute(f"SELECT picture_sha256 FROM {_table(database)}")]  # noqa: S608
    if not all(isinstance(key, str) and KEY.match(key) for key in keys):
        raise BadBackup("A row of the database names a picture that can't be one.")
    return PictureRows(tuple(keys))


def erase(folder: Path, database_path: Path, names: frozenset[str]) -> tuple[str, ...]:
    """Delete what is on the list of deletions from a database and the pictures beside it.

    Args:
        folder: holds the folder of the pictures.
        names: see `erasures.name_of`.

    Returns:
        Short names of what was deleted.
    """
    with closing(opened(database_path)) as database:
        database.execute("PRAGMA foreign_keys=ON")
        database.execute("PRAGMA secure_delete=ON")
        table = _table(database)
        ids = [row[0] for row in database.execute(f"SELECT id FROM {table}")]  # noqa: S608
        gone = [one for one in ids if erasures.name_of(one) in names]
        if not gone:
            return ()
        _delete(database, table, gone)
        named = _named(database, table)
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in (folder / PICTURES).glob("*/*.png"):
        if path.stem not in named:
            path.unlink()
    return tuple(erasures.short_name_of(one) for one in gone)


def _delete(database: Any, table: str, ids: Iterable[str]) -> None:
    """Rows that belong to these go by themselves; what the audit trail says of them goes as in `audit.forget`."""
    events = [row[1] for row in database.execute("PRAGMA table_info(audit_event)")]
    column = "image_id" if "image_id" in events else "study_id"
    emptied = "details = '{}'" + (", salt = NULL" if "salt" in events else "")
    database.execute("BEGIN IMMEDIATE")
    for one in ids:
        renamed = (erasures.short_name_of(one), one)
        database.execute(f"UPDATE audit_event SET {emptied}, {column} = ? WHERE {column} = ?", renamed)  # noqa: S608
        database.execute(f"DELETE FROM {table} WHERE id = ?", (one,))  # noqa: S608
    database.execute("COMMIT")


def _named(database: Any, table: str) -> set[str]:
    named = {row[0] for row in database.execute(f"SELECT picture_sha256 FROM {table}")}  # noqa: S608
    for column in _RESULTS:
        named |= {row[0] for row in database.execute(f"SELECT {column} FROM analysis")}  # noqa: S608
    return named


def _table(database: Any) -> str:
    """The table of pictures: until 0.2.0 it was called study."""
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return "image" if "image" in tables else "study"
