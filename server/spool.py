"""The folder of the front door: bodies that are coming in, answers that are going out, its socket and its settings.

It lies in memory, belongs to this server alone, and is emptied at each start: what came in is a person's picture.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from server.environment import CantServe

SOCKET = "app.sock"
_PARTS = ("bodies", "answers", "forms", "unused", "refusals")
_LONGEST_SOCKET = 107  # bytes of a path, on Linux: unix(7)


@dataclass(frozen=True)
class Spool:
    """`lock` stays open as long as the server runs."""

    folder: Path
    lock: int

    @property
    def socket(self) -> Path:
        """Where gunicorn listens."""
        return self.folder / SOCKET

    @property
    def forms(self) -> Path:
        """Where the application lays the files of a form that it reads."""
        return self.folder / "forms"


def opened(parent: Path, port: int) -> Spool:
    """Make the folder of the server at a port, or take over and empty the one that an earlier run left.

    Raises:
        CantServe: it is not ours alone, it can't be made, or a server that runs is using it.
    """
    folder = parent / f"sonotriage-{os.getuid()}-{port}"
    if len(os.fsencode(folder / SOCKET)) > _LONGEST_SOCKET:
        raise CantServe(f"{parent} is too long a path for a Unix socket in it. Name a shorter place in SPOOL_DIR.")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        _check(folder)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CantServe(f"{folder} can't be made: {error.strerror}. Name another place in SPOOL_DIR.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise CantServe(f"A server for port {port} runs already (its folder is {folder}).") from error
    empty(folder)
    for part in _PARTS:
        (folder / part).mkdir(mode=0o700)
    return Spool(folder, lock)


def _check(folder: Path) -> None:
    """Others may write beside it: a link, or a folder that somebody else laid there, is not ours."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise CantServe(f"{folder} is not this server's alone. Remove it, or name another place in SPOOL_DIR.")


def empty(folder: Path) -> None:
    """Forget everything in it but the lock."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
