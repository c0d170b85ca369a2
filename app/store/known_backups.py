"""The backups that a data folder knows of: where they lie and since when, to keep them in step with what is deleted."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.store import erasures

LIST = "backups.json"  # in the data folder, so that a damaged database can name the newest
EARLIER = "last-backup.json"  # of versions before: the newest alone, a folder
EARLIER_NOTE = "backup.json"  # inside such a folder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """A backup: its file (until 0.2.0 a folder), when it was made, and its bytes, by which it is known again."""

    path: Path
    made: datetime
    size: int = 0

    @property
    def is_there(self) -> bool:
        """False when it is gone, out of reach, or when something else lies in its place."""
        if self.path.is_symlink():
            return False
        if self.path.is_file():
            return self.path.stat().st_size == self.size
        return self.size == 0 and (self.path / EARLIER_NOTE).is_file()


def remember(data: Path, made: Known) -> None:
    """Add a backup to those that the data folder knows of."""
    _write(data, [*_listed(data), made])


def known(data: Path) -> Sequence[Known]:
    """Those that are there, oldest first."""
    return sorted((one for one in _listed(data) if one.is_there), key=lambda one: one.made)


def newest(data: Path) -> str | None:
    """Where and when the newest one was made, for a person to read."""
    found = known(data)
    return f"{found[-1].path} of {found[-1].made.isoformat(timespec='seconds')}" if found else None


def mirror(data: Path) -> None:
    """Bring the list of what was deleted up to date beside every backup that can be reached."""
    names = erasures.read(data)
    for folder in sorted({one.path.parent for one in known(data)}):
        try:
            erasures.merge(names, folder)
        except OSError as error:
            log.warning("the list of deletions beside the backups is behind", extra={"error": type(error).__name__})


def remove_expired(data: Path, moment: datetime, keep_days: int, retention_days: int) -> int:
    """Remove backups that are too old; 0 days sets no limit.

    Args:
        keep_days: days that a backup is kept. The newest stays beyond them.
        retention_days: days that a picture is kept. A backup of that age holds nothing else, so even the newest goes.

    Returns:
        How many went.
    """
    found = known(data)
    old = [one for one in found[:-1] if keep_days and one.made < moment - timedelta(days=keep_days)]
    expired = [one for one in found if retention_days and one.made < moment - timedelta(days=retention_days)]
    gone = {one.path for one in (*old, *expired)}
    for path in gone:
        _remove(path)
    if gone:
        _write(data, [one for one in _listed(data) if one.path not in gone])
    return len(gone)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _listed(data: Path) -> list[Known]:
    found = _read(data / LIST)
    rows = found if isinstance(found, list) else []
    earlier = _read(data / EARLIER)
    if isinstance(earlier, dict):
        rows = [{"path": earlier.get("folder"), "made": earlier.get("made"), "size": 0}, *rows]
    return [one for row in rows if (one := _known(row)) is not None]


def _known(row: object) -> Known | None:
    try:
        return Known(Path(row["path"]), datetime.fromisoformat(row["made"]).astimezone(UTC), int(row["size"]))  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(data: Path, listed: list[Known]) -> None:
    """All of them in the form of today; the earlier note goes with that."""
    rows = [{"path": str(one.path), "made": one.made.isoformat(timespec="seconds"), "size": one.size} for one in listed]
    new = data / f"{LIST}.new"
    new.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    new.replace(data / LIST)
    (data / EARLIER).unlink(missing_ok=True)
