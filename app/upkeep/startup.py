"""What is looked at before anything is served: a data folder that is really ours, and parts that are known to bite.

A volume that is not mounted looks like a first start: an empty folder. Three things tell them apart. The marker file
is written when the first tables are, so a folder with a marker but without tables lost its database. Tables that name
pictures beside an empty picture folder lost that. An empty data folder itself carries no memory, so the operator says
with EXPECT_DATA that it must not be empty.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app.store import rights
from app.store.database import DAMAGED, DATABASE, driver
from app.upkeep import backup_keys
from app.upkeep.doubts import doubts
from app.workers.decoding import OFF, REQUIRED, ROOT

MARKER = "installation"
PICTURES = "pictures"
WHEELS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "fuse.sshfs",
                        "fuse.glusterfs", "fuse.s3fs", "fuse.rclone"}  # fmt: skip
MOUNTS = Path("/proc/self/mounts")

log = logging.getLogger(__name__)


class CantStart(RuntimeError):
    """The server must not start; the message is one or two sentences for the operator."""


def check(settings: Mapping[str, Any]) -> None:
    """Close what is kept to other users, refuse to start where data would be lost, warn of what makes trouble.

    Raises:
        CantStart: a folder can't be written, or a database or pictures that should be there are not; or decoders
            can't be shut in, and have to be.
    """
    data: Path = settings["DATA_DIR"]
    rights.tighten(data)
    for folder in (data, data / PICTURES):
        _check_writable(folder)
    _check_present(data, settings["EXPECT_DATA"])
    for warning in (*warnings(data, settings["BACKUP_KEY_FILE"]), *doubts(os.environ, settings)):
        log.warning("%s", warning)
    _check_sandbox(settings["SANDBOX"])


def _check_sandbox(wanted: str) -> None:
    """Say it where decoders are open, and refuse to start where they may not be."""
    missing = "SANDBOX=off" if wanted == OFF else missing_for_a_sandbox()
    if missing and wanted == REQUIRED:
        raise CantStart(
            f"what people send would be decoded in processes that could read this server's data: {missing}. Install "
            "libseccomp (Debian: libseccomp2), or accept that with SANDBOX=off."
        )
    if missing:
        log.warning(f"Uploads are decoded in processes that are not shut in: {missing}.")


def missing_for_a_sandbox() -> str:
    """Why no decoder can be shut in, "" when one can: a process of its own has tried it."""
    command = [sys.executable, "-s", "-m", "imaging.files.sandbox"]
    try:
        tried = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)  # noqa: S603 - our own
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it could not be tried ({type(error).__name__})"
    return "" if tried.returncode == 0 else tried.stdout.strip() or "the trial broke off"


def mark(data: Path) -> None:
    """Remember in the data folder that it is in use; a full disk is tried again at the next start."""
    if not (data / MARKER).exists() and has_tables(data):
        with suppress(OSError):
            (data / MARKER).write_text(secrets.token_hex(8) + "\n", encoding="ascii")


def warnings(data: Path, key_file: str = "") -> list[str]:
    """Sentences about what works today and may bite tomorrow."""
    found = [*_key_warnings(data, key_file)]
    kind = file_system_of(data, _mounts())
    if kind in NETWORK_FILE_SYSTEMS:
        found.append(
            f"{data} lies on a network file system ({kind}): its locks may fail, and SQLite's file may be damaged. "
            "Use a disk of this machine."
        )
    wheels = installed_wheels()
    if len(wheels) > 1:
        found.append(
            f"{' and '.join(wheels)} are installed side by side and overwrite each other's files: uninstall all of "
            "them, then install one."
        )
    return found


def _key_warnings(data: Path, key_file: str) -> Iterator[str]:
    """A key that will not do is told now, and not by the backup that fails in the night."""
    if not key_file:
        return
    try:
        keys = backup_keys.read(Path(key_file), data)
    except backup_keys.BadBackup as error:
        yield f"No backup can be made: {error}"
    else:
        if keys.identities:
            yield f"{key_file} reads every backup: keep it away from this machine, and name the public one here."


def file_system_of(folder: Path, mounts: str) -> str:
    """Kind of the file system that a folder lies on.

    Args:
        mounts: lines as in /proc/mounts; "" where there is no such file, and the answer is "".
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        _, point, found = line.split(" ")[:3]
        point = point.replace("\\040", " ")
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind


def installed_wheels() -> Sequence[str]:
    """The packages of onnxruntime that are installed; more than one is a fault."""
    found = []
    for name in WHEELS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def has_tables(data: Path) -> bool:
    """True when the database file holds tables, or is there and can't be read."""
    path = data / DATABASE
    if not path.is_file():
        return False
    try:
        with closing(driver.connect(path)) as database:
            return bool(database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0])
    except DAMAGED:
        return True


def _names_pictures(data: Path) -> bool:
    try:
        with closing(driver.connect(data / DATABASE)) as database:
            return database.execute("SELECT 1 FROM image LIMIT 1").fetchone() is not None
    except DAMAGED:
        return False


def _check_present(data: Path, is_expected: bool) -> None:
    is_used, is_marked = has_tables(data), (data / MARKER).exists()
    if not is_used and is_marked:
        raise CantStart(
            f"{data} was in use, but its {DATABASE} is gone. Restore a backup (flask --app wsgi restore FILE), or "
            f"remove the file {MARKER} to start empty."
        )
    if not is_used and is_expected:
        raise CantStart(
            f"{data} is empty, and EXPECT_DATA says that it is not: is its volume mounted? Nothing was changed."
        )
    if is_used and _names_pictures(data) and not any((data / PICTURES).iterdir()):
        raise CantStart(f"The database names pictures, but {data / PICTURES} is empty: is its volume mounted?")


def _check_writable(folder: Path) -> None:
    probe = folder / f".probe-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
        if (folder / DATABASE).exists():
            (folder / DATABASE).open("r+b").close()
    except OSError as error:
        if error.errno == errno.ENOSPC:  # a full disk can still be read from, and made room on
            return
        raise CantStart(
            f"{error.filename or folder} can't be written ({error.strerror}). Check that the disk is not mounted "
            "read-only and that the folder belongs to the user that runs the server."
        ) from error


def _mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return ""
