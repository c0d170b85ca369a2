"""Who a client of the JSON interface is: the holder of an Idempotency-Key, seen from one address."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import request
from sqlalchemy import select

from app.reading.intake import Actor
from app.refusals.interface import IdempotencyMismatch, NotOwner
from app.tables import Image
from app.web.extensions import db

_TURNS = tuple(threading.Lock() for _ in range(64))


def new_key() -> str:
    """A key for a client that gave none; it gets it back in the header Idempotency-Key."""
    return secrets.token_urlsafe(24)


def owner(key: str) -> str:
    """The owner that a key stands for; the same key from another address is somebody else."""
    return hashlib.sha256("\n".join(("api", request.remote_addr or "", key)).encode()).hexdigest()


@contextmanager
def turn(actor: Actor, content_sha256: str, frame: int | None) -> Iterator[None]:
    """Uploads with one key take turns, so that a key can't slip in two files at once; a key just made has only one.

    Raises:
        IdempotencyMismatch: the key was used for another file or another frame.
    """
    if actor.is_new:
        yield
        return
    with _TURNS[int(actor.owner[:8], 16) % len(_TURNS)]:
        wanted = -1 if frame is None else frame
        for known in db.session.scalars(select(Image).where(Image.owner == actor.owner)):
            if (known.content_sha256, known.wanted_frame) != (content_sha256, wanted):
                raise IdempotencyMismatch
        yield


def check_owner(image: Image, key: str | None) -> None:
    """Let only the client that sent an image go on; browsers delete theirs on the result page.

    Args:
        key: the client's Idempotency-Key.

    Raises:
        NotOwner.
    """
    if key is None or image.owner != owner(key):
        raise NotOwner
