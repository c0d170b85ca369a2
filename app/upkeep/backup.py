"""Copies all that is kept while the server runs: one file, encrypted for whoever holds the private key.

Database before pictures: a picture that arrives in between is one too many in the copy, never one too few. A picture
deleted in between is missing and reported. The list of deletions comes last, and lies beside the file too, so that a
restore deletes again what was deleted meanwhile.

The server has the public key and can't read what it wrote. So every picture is compared with its sha256 on the way,
the database is checked before it is packed, and the file is read back and compared with what was written.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from app.store import erasures, known_backups
from app.store.database import DAMAGED, DATABASE, driver
from app.store.known_backups import Known
from app.upkeep.archive import BLOCK, FITTED, PICTURES, Packed, is_ours, pack
from app.upkeep.backup_keys import BadBackup, Keys
from app.upkeep.encryption import encrypted
from app.upkeep.picture_rows import PictureRows, picture_rows

UNDER_WAY = "backup-"  # folder in the data folder with the copy of the database, for the time of packing it

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copied:
    """What a backup holds: images, pictures, and keys of rows whose picture was gone before it could be copied."""

    file: Path
    images: int
    pictures: int
    missing: tuple[str, ...]


def create(data: Path, target: Path, keys: Keys | None) -> Copied:
    """Copy the data folder to a new file, while the server runs.

    Args:
        target: a file that does not exist, or a folder that gets one with the moment in its name.
        keys: whom it is encrypted for; None leaves it open to everybody who can read the file.

    Raises:
        BadBackup: the file exists or can't be written, or the database or a picture is damaged.
    """
    made = datetime.now(UTC)
    target = _new_file(target, made)
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        packed, rows = _write(data, unfinished, keys)
        unfinished.rename(target)
    except OSError as error:
        raise BadBackup(f"The backup could not be written ({error.strerror or error}).") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    known_backups.remember(data, Known(target.absolute(), made, target.stat().st_size))
    known_backups.mirror(data)
    missing = tuple(sorted(key for key in set(rows.keys) if f"{PICTURES}/{key[:2]}/{key}.png" not in packed.names))
    return Copied(target, len(rows.keys), len(set(rows.keys)) - len(missing), missing)


def _new_file(target: Path, made: datetime) -> Path:
    if target.is_dir():
        target = target / f"sonotriage-{made.strftime('%Y%m%dT%H%M%SZ')}.backup"
    if target.exists():
        raise BadBackup(f"{target} exists already. Name a new file, or a folder.")
    return target


def _write(data: Path, path: Path, keys: Keys | None) -> tuple[Packed, PictureRows]:
    with tempfile.TemporaryDirectory(prefix=UNDER_WAY, dir=data) as folder:
        database = Path(folder) / DATABASE
        rows = _copy_database(data, database)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            written = _Hashing(file)
            with io.BufferedWriter(written, BLOCK) as target, _stream(target, keys) as stream:
                packed = pack(stream, _files(data, database), keys.seal if keys else b"")
            if packed.damaged:
                raise BadBackup(f"{packed.damaged} pictures are damaged: see `flask check`. No backup was made.")
            os.fsync(descriptor)
            _compare(file, written)
    return packed, rows


def _stream(target: IO[bytes], keys: Keys | None) -> AbstractContextManager[IO[bytes]]:
    return encrypted(target, keys.recipients) if keys else nullcontext(target)


def _copy_database(data: Path, copy: Path) -> PictureRows:
    """A copy without free pages, as of one moment; the writers go on meanwhile."""
    try:
        with closing(driver.connect(data / DATABASE)) as source:
            source.execute("VACUUM INTO ?", (str(copy),))
        return picture_rows(copy)
    except DAMAGED as error:
        raise BadBackup("The database can't be copied: it is damaged, or the disk is full.") from error


def _files(data: Path, database: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of all that is kept, in order; what is asked for later is looked up later."""
    yield DATABASE, database
    shutil.rmtree(database.parent)  # packed by now: it holds everything, and nobody needs it any more
    for folder in (PICTURES, *FITTED):
        for path in sorted((data / folder).rglob("*")):
            name = path.relative_to(data).as_posix()
            if is_ours(name):
                yield name, path
            elif not path.is_dir() and path.suffix != ".tmp":
                log.warning("a file that is none of ours was left out of the backup", extra={"folder": folder})
    yield erasures.LIST, data / erasures.LIST


def _compare(file: IO[bytes], written: _Hashing) -> None:
    """Read back what was written."""
    file.seek(0)
    sha256 = hashlib.sha256()
    while block := file.read(BLOCK):
        sha256.update(block)
    if sha256.digest() != written.sha256.digest():
        raise BadBackup("The disk does not hold what was written to it.")


class _Hashing(io.RawIOBase):
    """A file that computes the sha256 of what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self.sha256.update(block)
        return self._file.write(block)

    def flush(self) -> None:
        self._file.flush()
