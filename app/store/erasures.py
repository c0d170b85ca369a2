"""The list of what was deleted: a restore replays it, so that nobody who was deleted comes back.

It lies in the data folder and beside the backups. An id is 128 random bits, so its sha256 leads to nobody: whoever has
a backup can find in it what is on the list; whoever has the list alone learns how many there were.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from app.store.durable import sync

LIST = "erased.txt"
MARK = "-"  # before a short name

_NAME = re.compile(r"[0-9a-f]{64}")


def name_of(image_id: str) -> str:
    """What a deleted id is called from then on: sha256 of it, 64 hexadecimal digits."""
    return hashlib.sha256(image_id.encode()).hexdigest()


def short_name_of(image_id: str) -> str:
    """The same, as long as an id and not to be taken for one: what the audit trail calls it from then on.

    A short name is its own short name.
    """
    return image_id if image_id.startswith(MARK) else MARK + name_of(image_id)[:31]


def add(folder: Path, names: Iterable[str]) -> None:
    """Put names on a folder's list; on return they survive a power loss.

    Each stands between two line ends, so that what a power cut left of an earlier one spoils none after it.
    """
    text = "".join(f"\n{name}\n" for name in names)
    if not text:
        return
    is_new = not (folder / LIST).exists()
    descriptor = os.open(folder / LIST, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, text.encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        sync(folder)


def read(folder: Path) -> frozenset[str]:
    """The names on a folder's list; none where there is no list."""
    try:
        text = (folder / LIST).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return frozenset()
    return frozenset(line for line in text.splitlines() if _NAME.fullmatch(line))


def merge(names: frozenset[str], folder: Path) -> None:
    """Put those names on a folder's list that it lacks."""
    add(folder, sorted(names - read(folder)))
