"""Who may read what is kept: the user that runs the server, and nobody else on the machine."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO  # the bits of group and others, which nothing of ours has

log = logging.getLogger(__name__)


def keep_to_owner() -> None:
    """From now on this process makes files that only its user can read, and folders that only it can enter."""
    os.umask(OTHERS)


def tighten(data: Path) -> None:
    """Take the rights of group and others from a data folder that an earlier version made; one log line says so.

    A folder that nobody else can enter is looked at on its first floor only, so that no start walks all pictures. It
    is closed last: a walk that was cut off begins anew.
    """
    if not data.is_dir():
        return
    is_open = bool(data.stat().st_mode & OTHERS)
    paths = [*(data.rglob("*") if is_open else data.glob("*")), data]
    count, refused = 0, 0
    for path in _wide(paths):
        try:
            path.chmod(path.stat().st_mode & ~OTHERS & 0o777)
            count += 1
        except OSError:  # somebody else's file, or a disk without rights
            refused += 1
    if count:
        log.warning("rights of other users on what is kept were taken away", extra={"files": count})
    if refused:
        log.warning("other users can read what is kept, and the rights can't be changed", extra={"files": refused})


def _wide(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            found = path.lstat().st_mode
        except FileNotFoundError:  # gone meanwhile
            continue
        if not stat.S_ISLNK(found) and found & OTHERS:
            yield path
