"""A pair of keys for the backups of a running server, as an operator makes it."""

from __future__ import annotations

from pathlib import Path

from app.upkeep.backup_keys import PRIVATE, PUBLIC
from tests.factories.server import Server


def give_keys(server: Server, folder: Path) -> tuple[str, str]:
    """Have a server encrypt its backups; returns what its commands are told to read them: `--key FILE`."""
    server.flask("backup-key", str(folder))
    server.environment["BACKUP_KEY_FILE"] = str(folder / PUBLIC)
    return "--key", str(folder / PRIVATE)
