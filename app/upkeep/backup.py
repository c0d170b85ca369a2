"""Copies all that is kept while the server runs, checks the copy, and puts one back.

Database before pictures: a picture that arrives in between is one too many in the copy, never one too few. A picture
deleted in between would be missing, so the copy is checked and the missing ones are reported.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.store.database import DAMAGED, driver

DATABASE, PICTURES, NOTE = "sonotriage.db", "pictures", "backup.json"
FITTED = ("recalibrated", "postcodes")  # small folders of what was fitted or imported for this place
LAST_BACKUP = "last-backup.json"  # in the data folder, so that a damaged database can name it


class BadBackup(RuntimeError):
    """A backup can't be made or used; the message says why."""


@dataclass(frozen=True)
class Copied:
    """What a backup holds: images, pictures, and keys of rows whose picture was gone before it could be copied."""

    images: int
    pictures: int
    missing: tuple[str, ...]


def create(data: Path, target: Path) -> Copied:
    """Copy the data folder to a new folder `target`, while the server runs.

    Raises:
        BadBackup: `target` exists, or the copied database is damaged.
    """
    if target.exists():
        raise BadBackup(f"{target} exists already. Name a new folder.")
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / PICTURES).mkdir(parents=True)
    with _connected(data / DATABASE) as source:
        source.execute("VACUUM INTO ?", (str(unfinished / DATABASE),))
    _copy_folder(data / PICTURES, unfinished / PICTURES)
    for name in FITTED:
        _copy_folder(data / name, unfinished / name)
    copied = verify(unfinished)
    note = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "images": copied.images}
    (unfinished / NOTE).write_text(json.dumps(note) + "\n", encoding="utf-8")
    unfinished.rename(target)
    remembered = {"folder": str(target.absolute()), "made": note["made"]}
    (data / LAST_BACKUP).write_text(json.dumps(remembered) + "\n", encoding="utf-8")
    return copied


def verify(backup: Path) -> Copied:
    """Check a backup: database sound, every image's picture there and equal to its sha256.

    Masks, heat maps and thumbnails are not looked at: they can be made again from the picture.

    Raises:
        BadBackup: it holds no database, or the database or a picture is damaged.
    """
    if not (backup / DATABASE).is_file():
        raise BadBackup(f"{backup} holds no {DATABASE}.")
    with _connected(backup / DATABASE) as database:
        try:
            state = database.execute("PRAGMA integrity_check").fetchone()[0]
            keys = [row[0] for row in database.execute("SELECT picture_sha256 FROM image")]
        except DAMAGED as error:
            raise BadBackup("The database of the backup is damaged.") from error
    if state != "ok":
        raise BadBackup("The database of the backup is damaged.")
    paths = {key: backup / PICTURES / key[:2] / f"{key}.png" for key in set(keys)}
    damaged = [key for key, path in paths.items() if path.is_file() and _sha256(path) != key]
    if damaged:
        raise BadBackup(f"{len(damaged)} pictures of the backup are damaged.")
    missing = tuple(sorted(key for key, path in paths.items() if not path.is_file()))
    return Copied(len(keys), len(paths) - len(missing), missing)


def restore(backup: Path, data: Path) -> Path:
    """Put a backup in place of the data folder's content, which moves to a restore point beside it.

    Returns:
        The restore point.

    Raises:
        BadBackup: the backup is damaged, or the server is running.
    """
    verify(backup)
    with _stopped_server(data):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        point = data / f"before-restore-{stamp}"
        point.mkdir()
        fitted = [name for name in FITTED if (backup / name).is_dir()]  # without one, the present one stays
        _move(data, point, fitted)
        (data / PICTURES).mkdir()
        for name in (PICTURES, *fitted):
            _copy_folder(backup / name, data / name)
        _copy(backup / DATABASE, data / DATABASE)
    return point


def take_back(point: Path, data: Path) -> None:
    """Undo a restore: what came goes to `discarded` in the restore point, what was there before is back.

    Raises:
        BadBackup: the server is running.
    """
    with _stopped_server(data):
        discarded = point / "discarded"
        discarded.mkdir()
        fitted = [name for name in FITTED if (point / name).is_dir()]
        _move(data, discarded, fitted)
        _move(point, data, fitted)


def _move(source: Path, target: Path, fitted: Sequence[str]) -> None:
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", PICTURES, *fitted):
        if (source / name).exists():
            (source / name).rename(target / name)


@contextmanager
def _stopped_server(data: Path) -> Iterator[None]:
    """Holds the worker's lock, which a running server has.

    Raises:
        BadBackup: the server is running.
    """
    with (data / "worker.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadBackup("The server is running. Stop it before restoring.") from error
        yield


@contextmanager
def _connected(path: Path) -> Iterator[Any]:
    connection = driver.connect(path)
    try:
        yield connection
    finally:
        connection.close()


def _copy_folder(source: Path, target: Path) -> None:
    """Copy the files of a folder and of those below it; unfinished ones, which end in .tmp, are left out."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.suffix != ".tmp":
            _copy(path, target / path.relative_to(source))


def _copy(source: Path, target: Path) -> None:
    """Copy durably; a source that was deleted meanwhile is passed over."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        return
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
