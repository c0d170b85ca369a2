"""Takes stock of the server for its system page: what runs, how much is kept, how long the queue is."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import func, select

from app import version
from app.inference.manifest import ModelUnusable
from app.store.database import FIXED_SINCE
from app.tables import Image
from app.tables.image import QUEUED, RUNNING
from app.upkeep import readiness
from app.web.extensions import db
from app.workers.decoding import Walls
from app.workers.services import services

LOOK_FOR_S = 0.2  # how long the picture folders are counted; what is left is estimated


@dataclass(frozen=True)
class Storage:
    """Kept pictures: files and bytes (estimated where there are very many), and bytes left on the disk."""

    files: int
    size_bytes: int
    is_estimate: bool
    free_bytes: int


@dataclass(frozen=True)
class Queue:
    """Images that wait or are being read, and since when the oldest waits."""

    length: int
    limit: int
    oldest: datetime | None


@dataclass(frozen=True)
class Database:
    """The database file with its log, and the library that writes it."""

    size_bytes: int
    library: str
    is_library_safe: bool


@dataclass(frozen=True)
class Inventory:
    """Everything that the system page shows.

    `manifest` is None when the networks can't be used, `walls` while no decoder has been started.
    """

    version: str
    report: readiness.Report
    provider: str | None
    manifest: Mapping[str, Any] | None
    model_fault: str | None
    storage: Storage
    queue: Queue
    database: Database
    walls: Walls | None
    retention_days: int


def take() -> Inventory:
    """Take stock now; a fraction of a second, also with millions of files."""
    report = readiness.report()
    manifest, fault = _manifest()
    return Inventory(
        version=version.VERSION, report=report, provider=services().engine.provider, manifest=manifest,
        model_fault=fault, storage=storage_use(services().store.root), queue=_queue(), database=_database(),
        walls=services().decoder.walls, retention_days=current_app.config["RETENTION_DAYS"],
    )  # fmt: skip


def storage_use(root: Path, look_for_s: float = LOOK_FOR_S) -> Storage:
    """Count the kept pictures, folder by folder until the time is over, and estimate the rest.

    The folders are the first two digits of a hash, so each holds a like share of the files.
    """
    if not root.exists():
        return Storage(0, 0, False, shutil.disk_usage(root.parent).free)
    folders = [entry.path for entry in os.scandir(root) if entry.is_dir()]
    deadline = time.monotonic() + look_for_s
    counted, files, size = 0, 0, 0
    for folder in folders:
        if counted and time.monotonic() > deadline:
            break
        sizes = list(_sizes(folder))
        counted, files, size = counted + 1, files + len(sizes), size + sum(sizes)
    scale = len(folders) / counted if counted else 1.0
    return Storage(round(files * scale), round(size * scale), counted < len(folders), shutil.disk_usage(root).free)


def _sizes(folder: str) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                yield entry.stat().st_size
            except FileNotFoundError:  # deleted meanwhile
                continue


def _manifest() -> tuple[Mapping[str, Any] | None, str | None]:
    try:
        return services().engine.manifest.raw, None
    except ModelUnusable as error:
        return None, error.sentence


def _queue() -> Queue:
    row = db.session.execute(
        select(func.count(), func.min(Image.created_at)).where(Image.status.in_((QUEUED, RUNNING)))
    ).one()
    return Queue(row[0], current_app.config["QUEUE_LIMIT"], row[1])


def _database() -> Database:
    path = Path(str(db.engine.url.database or ""))
    files = (path, path.with_name(path.name + "-wal"))
    size = sum(file.stat().st_size for file in files if file.exists())
    version_text = str(db.session.scalar(select(func.sqlite_version())))
    is_safe = tuple(int(part) for part in version_text.split(".")) >= FIXED_SINCE
    return Database(size, f"SQLite {version_text}", is_safe)
