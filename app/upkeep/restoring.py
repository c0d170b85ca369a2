"""Puts a backup in place of what is kept. Nothing is touched before the whole backup is unpacked and proved.

Proved means: it was made with our key and not changed since (`archive`, `encryption`), its tables are those that our
revisions make (`schema`), its rows name pictures and nothing else, and every picture is what its name says. Then its
tables are brought up to date and what was deleted since is deleted again, all of it beside what is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from app.store import erasures, known_backups, schema, wiping
from app.store.database import DAMAGED, DATABASE
from app.upkeep.archive import FITTED, PICTURES, Packed, is_damaged, is_ours, unpack
from app.upkeep.backup_keys import BadBackup, Keys
from app.upkeep.encryption import HEADER, decrypted
from app.upkeep.picture_rows import erase, picture_rows

POINT = "before-restore-"  # folder in the data folder with what a restore set aside, and the moment of it
UNDER_WAY = "restoring-"  # folder in the data folder that a backup is unpacked into


@dataclass(frozen=True)
class Trust:
    """What is taken from a backup. An open one, or one of an older version, only when whoever restores says so."""

    keys: Keys | None = None
    is_open_allowed: bool = False
    is_older_allowed: bool = False


@dataclass(frozen=True)
class Unpacked:
    """A proved backup: rows, pictures, rows whose picture is missing, short names of what was deleted again, seconds
    of each step."""

    images: int
    pictures: int
    missing: int
    erased: tuple[str, ...]
    seconds: dict[str, float]


def restore(source: Path, data: Path, trust: Trust) -> tuple[Unpacked, Path]:
    """Put a backup in place of the data folder's content, which moves to a restore point inside it.

    Returns:
        What came, and the restore point.

    Raises:
        BadBackup: the backup can't be trusted or used, or the server is running. Nothing has changed then.
    """
    with _stopped_server(data), _unpacked(source, data, trust) as (folder, found):
        point = data / f"{POINT}{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}"
        point.mkdir(mode=0o700)
        fitted = [name for name in FITTED if (folder / name).is_dir()]  # without one, the present one stays
        _move(data, point, fitted)
        _move(folder, data, fitted)
        (data / PICTURES).mkdir(exist_ok=True)
        erasures.merge(_erased(source, data, folder), data)
    return found, point


def drill(source: Path, data: Path, trust: Trust) -> Unpacked:
    """Do all of a restore but the last step, beside what is kept, and leave nothing: the server may run.

    Raises:
        BadBackup: it would have failed.
    """
    with _unpacked(source, data, trust) as (_, found):
        return found


@contextmanager
def _unpacked(source: Path, data: Path, trust: Trust) -> Iterator[tuple[Path, Unpacked]]:
    """A backup, proved and brought up to date, in a folder that is gone after the block."""
    with tempfile.TemporaryDirectory(prefix=UNDER_WAY, dir=data) as name:
        folder, seconds = Path(name), dict[str, float]()
        try:
            with _timed(seconds, "unpack"):
                packed = _take(source, folder, trust)
            with _timed(seconds, "prove"):
                schema.prove(folder / DATABASE, trust.is_older_allowed)
                keys = set(picture_rows(folder / DATABASE).keys)
            with _timed(seconds, "bring up to date"):
                schema.build(folder / DATABASE)
                wiping.replace(folder / DATABASE)
            with _timed(seconds, "delete again"):
                erased = erase(folder, folder / DATABASE, _erased(source, data, folder))
                rows = picture_rows(folder / DATABASE)
            with _timed(seconds, "write to the disk"):
                os.sync()
        except schema.UnknownSchema as error:
            raise BadBackup(f"The backup can't be used. {error}") from error
        except DAMAGED as error:
            raise BadBackup("The database of the backup is damaged, or the disk is full.") from error
        except OSError as error:
            raise BadBackup(f"The backup could not be unpacked ({error.strerror or error}).") from error
        missing = sum(f"{PICTURES}/{key[:2]}/{key}.png" not in packed.names for key in keys)
        yield folder, Unpacked(len(rows.keys), len(keys) - missing, missing, erased, seconds)


def _take(source: Path, folder: Path, trust: Trust) -> Packed:
    """Bring the files of a backup into a folder, with proof that they are what was backed up, as far as there is one.

    Raises:
        BadBackup: there is less proof than asked for, or it fails.
    """
    if source.is_dir() and not source.is_symlink():
        if not trust.is_older_allowed:
            raise BadBackup(f"{source} is a folder, as backups were until 0.2.0. If it is yours, say so with --older.")
        packed = _take_folder(source, folder)
    else:
        packed = _take_file(source, folder, trust)
    if DATABASE not in packed.names:
        raise BadBackup(f"The backup holds no {DATABASE}.")
    if packed.damaged:
        raise BadBackup(f"{packed.damaged} pictures of the backup are damaged.")
    return packed


def _take_file(source: Path, folder: Path, trust: Trust) -> Packed:
    try:
        with source.open("rb") as file, _stream(file, trust) as stream:
            return unpack(stream, folder, trust.keys.seal if trust.keys and not trust.is_open_allowed else b"")
    except tarfile.TarError as error:
        raise BadBackup("The backup is damaged, or is none.") from error


def _stream(file: IO[bytes], trust: Trust) -> AbstractContextManager[IO[bytes]]:
    is_encrypted = file.read(len(HEADER)) == HEADER
    file.seek(0)
    if not is_encrypted and not trust.is_open_allowed:
        raise BadBackup(
            "This backup is not encrypted, or is none: anybody may have changed it. If it is yours, say so with "
            "--unencrypted."
        )
    if not is_encrypted:
        return nullcontext(file)
    if trust.is_open_allowed:
        raise BadBackup("This backup is encrypted: leave --unencrypted away.")
    if trust.keys is None or not trust.keys.identities:
        raise BadBackup("Reading this backup takes the private key: name its file with --key.")
    return decrypted(file, trust.keys.identities)


def _take_folder(source: Path, folder: Path) -> Packed:
    """Copy a backup as 0.2.0 made it, which nothing proves but the sha256 of its pictures."""
    lines, damaged = list[str](), 0
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_symlink() or not (path.is_dir() or is_ours(name) or name == known_backups.EARLIER_NOTE):
            raise BadBackup(f"The backup holds {name!r}, which no backup of ours holds.")
        if path.is_dir() or name == known_backups.EARLIER_NOTE:
            continue
        sha256 = _copy(path, folder / name)
        lines.append(f"{sha256} {path.stat().st_size} {name}")
        damaged += is_damaged(name, sha256)
    return Packed(tuple(lines), damaged)


def _copy(source: Path, target: Path) -> str:
    """Sha256 of what was copied; a link is not followed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file, target.open("xb") as copy:
        shutil.copyfileobj(file, copy)
    with target.open("rb") as copy:
        return hashlib.file_digest(copy, "sha256").hexdigest()


def _erased(source: Path, data: Path, folder: Path) -> frozenset[str]:
    """All that is known to be deleted: here, beside the backup, and in it."""
    return erasures.read(data) | erasures.read(source.absolute().parent) | erasures.read(folder)


def _move(source: Path, target: Path, fitted: Sequence[str]) -> None:
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", PICTURES, *fitted):
        if (source / name).exists():
            (source / name).rename(target / name)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[step] = time.monotonic() - started


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
