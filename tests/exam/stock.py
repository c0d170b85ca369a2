"""Fills the store of a server beside its uploads: many rows, or many bytes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from sqlalchemy import insert

from app import create_app
from app.accounts import passwords
from app.tables import Image, User
from app.web.extensions import db
from app.workers.services import services
from benchmarks.questions import triage_list
from tests.factories.server import Server

SIDE = 1000  # px; a megapixel of noise is a megabyte of PNG


@contextmanager
def store_of(server: Server) -> Iterator[None]:
    """The application on a server's data folder, in this process, for direct writing. The folder has its tables."""
    app = create_app(DATA_DIR=server.data, PROVIDER="cpu")
    with app.app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()
            app.extensions["sonotriage"].decoder.close()


def add_rows(server: Server, images: int, users: int) -> None:
    """Finished images as a busy server holds them, without pictures, and reviewers who share one password."""
    with store_of(server):
        triage_list.fill(images)
        password = passwords.hashed(secrets.token_hex(8))
        rows = [{"name": f"reader-{number}", "password_hash": password} for number in range(users)]
        db.session.execute(insert(User), rows)
        db.session.commit()


def add_staff(server: Server, names: Sequence[str], password: str) -> None:
    """Reviewers with one password that they have chosen themselves."""
    with store_of(server):
        password_hash = passwords.hashed(password)
        db.session.execute(insert(User), [{"name": name, "password_hash": password_hash} for name in names])
        db.session.commit()


def add_pictures(server: Server, gigabytes: float) -> int:
    """Finished images with pictures of a megabyte each, until so many gigabytes are kept; returns how many."""
    random, count = np.random.default_rng(1), max(1, round(gigabytes * 1000))
    with store_of(server):
        for rows in triage_list._batches(triage_list.rows(count), 50):
            for row in rows:
                row["picture_sha256"] = services().store.put(random.integers(0, 256, (SIDE, SIDE), dtype=np.uint8))
                row["height"] = row["width"] = SIDE
            db.session.execute(insert(Image), rows)
            db.session.commit()
    return count
