"""The keys of backups: who has the public one can make a backup, only who has the private one can read it.

Both are text files in the form of age, so that its own tools read them too. Each also carries a seal, a secret with
which a backup is marked as ours: without it anybody who learned the public key could make a backup that restores.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyrage

from app.store.durable import sync

PUBLIC, PRIVATE = "sonotriage-backup.public", "sonotriage-backup.private"
SEAL_BYTES = 32
LONGEST = 65_536  # bytes of a key file; ours have 200

_SEAL = re.compile(r"^# seal: ([0-9a-f]{64})$", re.MULTILINE)


class BadBackup(RuntimeError):
    """A backup can't be made or used; the message says why."""


@dataclass(frozen=True)
class Keys:
    """What a key file holds. A public one holds no identities; nothing of it is ever printed."""

    recipients: Sequence[pyrage.x25519.Recipient]
    identities: Sequence[pyrage.x25519.Identity]
    seal: bytes = field(repr=False)


def make(folder: Path, data: Path) -> tuple[Path, Path]:
    """Make a pair of key files for their owner alone; the public one, then the private one.

    Raises:
        BadBackup: there is one already, the folder lies in the data folder, or it can't be written. Then none is made.
    """
    public, private = folder / PUBLIC, folder / PRIVATE
    _keep_apart(public, data)
    identity, seal = pyrage.x25519.Identity.generate(), secrets.token_hex(SEAL_BYTES)
    made = list[Path]()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, about, key in (
            (private, "Reads the backups of Sonotriage. Keep it away from the server, in two places.", identity),
            (public, "Makes backups of Sonotriage, and reads none.", identity.to_public()),
        ):
            made.append(_new(path))
            path.write_text(f"# {about}\n# seal: {seal}\n{key}\n", encoding="ascii")
            sync(path)
    except BaseException as error:  # half a pair serves nobody
        for path in made:
            path.unlink()
        if isinstance(error, OSError):
            raise BadBackup(f"The keys can't be written in {folder} ({error.strerror}).") from error
        raise
    return public, private


def read(path: Path, data: Path) -> Keys:
    """The keys of a file.

    Raises:
        BadBackup: it can't be read, is no key file, or lies in the data folder, where it would protect nothing.
    """
    _keep_apart(path, data)
    try:
        with path.open("rb") as file:
            return parsed(file.read(LONGEST), path)
    except OSError as error:
        raise BadBackup(f"The key file {path} can't be read. Make a pair of keys with backup-key.") from error


def parsed(content: bytes, path: Path) -> Keys:
    """The keys in the content of a file.

    Args:
        path: what the file is called, for the sentence that refuses it.

    Raises:
        BadBackup: it holds none.
    """
    text = content.decode("ascii", errors="replace")
    seal = _SEAL.search(text)
    try:
        lines = [line.strip() for line in text.splitlines()]
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith("AGE-SECRET-KEY-1")]
        recipients = [pyrage.x25519.Recipient.from_str(line) for line in lines if line.startswith("age1")]
    except (pyrage.IdentityError, pyrage.RecipientError) as error:
        raise BadBackup(f"{path} holds a damaged key.") from error
    recipients += [identity.to_public() for identity in identities]
    if not recipients or seal is None:
        raise BadBackup(f"{path} is no key file of a backup. Make a pair of keys with backup-key.")
    return Keys(recipients, identities, bytes.fromhex(seal[1]))


def _keep_apart(path: Path, data: Path) -> None:
    if path.resolve().is_relative_to(data.resolve()):
        raise BadBackup(f"{path} lies in the data folder. Keep keys elsewhere: whoever gets one must not get both.")


def _new(path: Path) -> Path:
    """The same path, with an empty file there for its owner alone."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise BadBackup(f"{path} exists already. A key that backups were made with must not be lost.") from error
    return path
