"""Receives an upload: decodes it once, keeps its pixels and a row, and only then acknowledges it."""

from __future__ import annotations

import errno
import hashlib
import logging
import math
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import IO

from flask import current_app
from sqlalchemy import Select, select
from sqlalchemy.exc import OperationalError

from app import audit
from app.places.places import Place
from app.reading import images, pauses, quota
from app.store import failpoints
from app.store.database import is_full, is_locked, writing
from app.store.pictures import encode
from app.tables import Image
from app.tables.image import UNKNOWN
from app.web.extensions import db
from app.workers import tasks
from app.workers.decoding import NoDecoder, TookTooLong
from app.workers.early import Offer
from app.workers.services import services
from app.workers.turns import NoTurn, Turns
from imaging.picture import Picture

log = logging.getLogger(__name__)

AT_ONCE = 3  # two are decoded while one is written
LONGEST_WAIT_S = 10.0
_turns, _suspect_turns = Turns(AT_ONCE), Turns(1)


@dataclass(frozen=True)
class Actor:
    """Who sends: `owner` is the sha256 of the browser's or client's secret, `name` goes to the audit trail.

    `address` is for the quota of a program, or of a browser that is not known yet; it is never stored. `is_new` says
    that the secret was made a moment ago, so that nothing of this sender can be there. `payer` is whom a file counts
    against that takes too long (`app/serving/payers.py`); None for nobody. `source` is by which
    door, one of `SOURCES`.
    """

    owner: str
    name: str
    address: str | None = None
    is_new: bool = False
    payer: str | None = None
    source: str = UNKNOWN


@dataclass(frozen=True)
class Receipt:
    """The image that an upload leads to; `is_new` is False when the same sender had sent the same file before."""

    image_id: str
    is_new: bool


class NotKept(RuntimeError):
    """The upload was not acknowledged, and no row was written (503, Retry-After).

    Its pixels may lie there unnamed until housekeeping removes them, an hour later or two.

    ├── QueueFull     too many pictures wait (503, Retry-After)
    ├── QuotaReached  this sender has left as many as one may (413)
    ├── SenderPaused  several of this sender's files took too long to read (429, Retry-After)
    ├── DecoderBusy   too many are being decoded (503, Retry-After)
    ├── StoreBusy     the database is locked by another process (503, Retry-After)
    └── StorageFull   the disk is full (507)

    NotKept itself: the disk or the database could not be written for another reason, such as a read-only disk.
    """

    code, status, sentence = "not_kept", 503, "The picture was not kept. Please send it again."
    retry_after_s = 10


class QueueFull(NotKept):
    code, sentence = "queue_full", "Many pictures are waiting already. Please send yours again in a moment."


class QuotaReached(NotKept):
    code, status = "quota", 413
    sentence = "You have sent as many pictures as this server takes from one sender. Delete some that you don't need."
    retry_after_s = 86_400


class SenderPaused(NotKept):
    code, status = "sender_paused", 429

    def __init__(self, seconds: int) -> None:
        super().__init__()
        minutes = math.ceil(seconds / 60)
        again = "a minute" if minutes == 1 else f"{minutes} minutes"
        self.retry_after_s = seconds
        self.sentence = f"Several of your files took too long to be read. Nothing more is taken from you for {again}."


class DecoderBusy(NotKept):
    code, sentence = "decoder_busy", "Many pictures are being read at this moment. Please send yours again in a minute."


class StoreBusy(NotKept):
    code, sentence = "store_busy", "The store is busy. Please try again in a moment."


class StorageFull(NotKept):
    code, status, sentence = "storage_full", 507, "The server's disk is full. Please tell whoever runs this server."
    retry_after_s = 600


def receive(
    sent: bytes | IO[bytes],
    actor: Actor,
    frame: int | None = None,
    place: Place | None = None,
    digest: str | None = None,
) -> Receipt:
    """Take an upload in. On return its pixels and its row survive a crash, and its analysis is under way.

    Args:
        sent: the uploaded bytes, or the file that holds them: then they are not in memory while this waits.
        frame: wanted frame of a multi-frame file, counted from 0; None lets the decoder choose.
        place: where the person is, if they said so.
        digest: the sha256 of what was sent, where it is known already.

    Raises:
        RefusedUpload: the bytes are no picture that we read.
        NotKept: the server can't take it in now.
    """
    digest = digest or sha256_of(sent)
    earlier = None if actor.is_new else _earlier(actor.owner, digest, frame, place)
    if earlier is not None:
        return Receipt(earlier, is_new=False)
    if quota.is_reached(None if actor.is_new else actor.owner, actor.name, actor.address):
        raise QuotaReached
    _check_queue()
    _check_pause(actor)
    with _turn(actor):
        _check_pause(actor)  # others of theirs may have taken too long meanwhile
        content = sent if isinstance(sent, bytes) else sent.read()
        return _take_in(content, digest, frame, actor, place)


def sha256_of(sent: bytes | IO[bytes]) -> str:
    """In hexadecimal digits. A file is read block by block, and is at its start again afterwards."""
    if isinstance(sent, bytes):
        return hashlib.sha256(sent).hexdigest()
    digest = hashlib.sha256()
    sent.seek(0)
    while block := sent.read(1 << 20):
        digest.update(block)
    sent.seek(0)
    return digest.hexdigest()


def _check_pause(actor: Actor) -> None:
    seconds = pauses.left_s(actor.payer)
    if seconds:
        raise SenderPaused(seconds)


@contextmanager
def _turn(actor: Actor) -> Iterator[None]:
    """Only so many uploads are decoded and kept at once: each may hold a large picture, in several forms.

    Of a sender one of whose files took too long, and of all such senders, one at a time: the others keep a decoder.

    Raises:
        DecoderBusy: none of those under way ended in time.
    """
    db.session.rollback()  # whoever waits, and whoever decodes, holds no connection
    threads: int = current_app.config["WEB_THREADS"]
    own = _suspect_turns.taken(0, 0) if pauses.is_suspect(actor.payer) else nullcontext()
    try:
        with own, _turns.taken(threads - max(2, threads // 6), LONGEST_WAIT_S):  # the others answer who need not wait
            yield
    except NoTurn as error:
        raise DecoderBusy from error


def _take_in(content: bytes, digest: str, frame: int | None, actor: Actor, place: Place | None) -> Receipt:
    started = time.perf_counter()
    try:
        picture = services().decoder.decode(content, frame)
    except NoDecoder as error:
        raise DecoderBusy from error
    except TookTooLong:
        pauses.count(actor.payer)
        raise
    decode_ms = round((time.perf_counter() - started) * 1000, 2)
    image = _image(picture, digest, frame, actor, place, decode_ms)
    offer = tasks.offer(image.id, picture)
    if offer is None:
        receipt = _keep(image, picture, actor)
    else:
        tasks.lease_to(image)
        receipt = _keep_offered(image, picture, actor, offer)
    failpoints.reached(failpoints.AFTER_COMMIT)
    if receipt.is_new:
        quota.count(actor.name, actor.address)
    if receipt.is_new and offer is None:
        tasks.start(receipt.image_id)
    return receipt


def _earlier(owner: str, digest: str, frame: int | None, place: Place | None) -> str | None:
    """The id of this sender's earlier image of the same file; a newly given place is kept with it."""
    row = db.session.execute(_same(owner, digest, _stored(frame))).scalar_one_or_none()
    if row is None:
        return None
    if place is not None and (row.latitude, row.longitude) != (place.latitude, place.longitude):
        image_id = row.id
        with writing():
            image = db.session.get_one(Image, image_id)
            image.latitude, image.longitude, image.place = place.latitude, place.longitude, place.label
        return image_id
    return row.id


def _same(owner: str, digest: str, frame: int) -> Select[Image]:
    return select(Image).where(Image.owner == owner, Image.content_sha256 == digest, Image.wanted_frame == frame)


def _stored(frame: int | None) -> int:
    return -1 if frame is None else frame


def _check_queue() -> None:
    db.session.rollback()  # whoever waits for a turn to count holds no connection
    if not services().room.take(current_app.config["QUEUE_LIMIT"], images.count_waiting):
        raise QueueFull


def _image(
    picture: Picture, digest: str, frame: int | None, actor: Actor, place: Place | None, decode_ms: float
) -> Image:
    return Image(
        id=secrets.token_hex(16),
        owner=actor.owner,
        source=actor.source,
        content_sha256=digest,
        wanted_frame=_stored(frame),
        frame=picture.frame,
        frames=picture.frames,
        kind=picture.kind,
        height=picture.height,
        width=picture.width,
        colour_share=picture.colour_share,
        decode_ms=decode_ms,
        notices=list(picture.notices),
        spacing_mm=picture.spacing.mm_per_pixel if picture.spacing else None,
        spacing_source=picture.spacing.source if picture.spacing else None,
        origin=asdict(picture.origin) if picture.origin else None,
        objection_code=picture.objection.code if picture.objection else None,
        objection=picture.objection.sentence if picture.objection else None,
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        place=place.label if place else None,
    )


def _keep_offered(image: Image, picture: Picture, actor: Actor, offer: Offer) -> Receipt:
    """As `_keep`; the worker, which reads the picture already, hears whether the row is there."""
    try:
        receipt = _keep(image, picture, actor)
        offer.settle(is_kept=receipt.is_new)
        return receipt
    finally:
        offer.settle(is_kept=False)


def _keep(image: Image, picture: Picture, actor: Actor) -> Receipt:
    """Pixels first, then the row; the sender's simultaneous second copy of the file finds the first's row."""
    store = services().store
    try:
        encoded = encode(picture.pixels)
        image.picture_sha256 = store.write(encoded)
        with writing():
            same = _same(image.owner, image.content_sha256, image.wanted_frame)
            twin = None if actor.is_new else db.session.execute(same).scalar_one_or_none()
            if twin is not None:
                return Receipt(twin.id, is_new=False)
            store.write(encoded)  # again under the write lock: a deletion may have removed the shared file
            db.session.add(image)
            audit.record(actor.name, "image.receive", image.id, kind=image.kind)
            db.session.flush()
            failpoints.reached(failpoints.BEFORE_COMMIT)
            return Receipt(image.id, is_new=True)
    except (OperationalError, OSError) as error:
        raise not_kept(error) from error


def not_kept(error: OperationalError | OSError) -> NotKept:
    """What to tell somebody whose request failed at the disk or at the database."""
    log.error("disk or database failed", extra={"error": type(error).__name__, "errno": getattr(error, "errno", None)})
    if isinstance(error, OSError):
        return StorageFull() if error.errno in (errno.ENOSPC, errno.EDQUOT) else NotKept()
    if is_full(error):
        return StorageFull()
    return StoreBusy() if is_locked(error) else NotKept()
