"""Who a client of the JSON interface is: the holder of an Idempotency-Key, seen from one address.

Behind one address many may choose the key "1". So a key that can be guessed only serves to repeat: the same file with
the same key leads to the same image, another file to another. A right to delete comes from a secret that none but the
sender has: the Delete-Token of the answer to the upload, or a key that nobody guesses.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, request
from itsdangerous import Signer
from sqlalchemy import select

from app.reading.intake import Actor
from app.refusals.interface import IdempotencyMismatch, NotOwner
from app.tables import Image
from app.web.extensions import db

SECRET_LENGTH, SECRET_VARIETY = 22, 8  # a UUID has 36 characters; the chance that 7 differ at most is one in 20 million

_TURNS = tuple(threading.Lock() for _ in range(64))


def new_key() -> str:
    """A key for a client that gave none; it gets it back in the header Idempotency-Key."""
    return secrets.token_urlsafe(24)


def owner(key: str) -> str:
    """The owner that a key stands for; the same key from another address is somebody else."""
    return hashlib.sha256("\n".join(("api", request.remote_addr or "", key)).encode()).hexdigest()


def is_secret(key: str) -> bool:
    """True for a key that nobody guesses: long, and of many different characters, as a UUID is."""
    return len(key) >= SECRET_LENGTH and len(set(key)) >= SECRET_VARIETY


def delete_token(image_id: str) -> str:
    """The secret that lets its holder delete an image; only the answer to its upload carries it, and it is not kept."""
    return _signer().get_signature(image_id).decode()


@contextmanager
def turn(actor: Actor, key: str, content_sha256: str, frame: int | None) -> Iterator[None]:
    """Uploads with one key take turns, so that a key can't slip in two files at once; a key just made has only one.

    Raises:
        IdempotencyMismatch: a key that nobody else can have was used for another file or another frame.
    """
    if actor.is_new:
        yield
        return
    with _TURNS[int(actor.owner[:8], 16) % len(_TURNS)]:
        wanted = -1 if frame is None else frame
        for known in db.session.scalars(select(Image).where(Image.owner == actor.owner)) if is_secret(key) else ():
            if (known.content_sha256, known.wanted_frame) != (content_sha256, wanted):
                raise IdempotencyMismatch
        yield


def check_owner(image: Image, key: str | None, token: str | None) -> None:
    """Let only the client that sent an image go on; browsers delete theirs on the result page.

    Args:
        key: the client's Idempotency-Key, which counts where nobody guesses it. token: its Delete-Token.

    Raises:
        NotOwner.
    """
    has_token = token is not None and _signer().verify_signature(image.id, token)
    has_key = key is not None and is_secret(key) and hmac.compare_digest(image.owner, owner(key))
    if not (has_token or has_key):
        raise NotOwner


def _signer() -> Signer:
    return Signer(current_app.config["SECRET_KEY"], salt="delete", digest_method=hashlib.sha256)
