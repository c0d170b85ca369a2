"""Deletes all images that the filters of the list leave, image by image, in turns of seconds.

Each image goes in transactions of its own, and between two others may write. Whatever ends a turn, its time or a crash,
what is gone is gone and the rest is there: the same act again goes on with it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func

from app import audit
from app.reading import images
from app.reading.images import UnknownImage
from app.review.triage_list import Filters, Held, ids_of
from app.store.database import writing
from app.web.extensions import db

TURN_S = 10.0  # well within what a browser and a proxy wait for an answer
BREATH_S = 0.002  # a thread that waits for its turn to write gets it: the lock itself prefers whoever had it


class OtherCount(ValueError):
    """The number that was typed is not how many images there are."""


@dataclass(frozen=True)
class Kinds:
    """What a deletion would take. An image without a category counts under its status; no image, no moments."""

    count: int
    by_category: Mapping[str, int]
    by_source: Mapping[str, int]
    reviewed: int
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True)
class Turn:
    """What a turn did."""

    deleted: int
    left: int


def kinds_of(filters: Filters, before: datetime) -> Kinds:
    """How many images the filters leave, and which. Of those that came after `before` none is meant."""
    rows = _grouped(filters, before)
    categories: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    for category, status, source, _, count, _, _ in rows:
        categories[category or status] += count
        sources[source] += count
    return Kinds(
        count=sum(categories.values()),
        by_category=categories,
        by_source=sources,
        reviewed=sum(row[4] for row in rows if row[3]),
        oldest=min((row[5] for row in rows), default=None),
        newest=max((row[6] for row in rows), default=None),
    )


def delete(filters: Filters, before: datetime, count: int, actor: str, named: Mapping[str, str]) -> Turn:
    """Delete as many as a turn allows.

    Args:
        count: how many the person saw and typed.
        named: the filters as the audit trail shall name them.

    Raises:
        OtherCount: there are more or fewer of them by now; nothing is deleted.
    """
    wanted = _ids(filters, before)
    if len(wanted) != count:
        raise OtherCount
    with writing():
        audit.record(actor, "images.delete", images=count, filters=dict(named))
    ends, done = time.monotonic() + TURN_S, 0
    for image_id in wanted:
        with suppress(UnknownImage):  # somebody else deleted it meanwhile
            images.delete(image_id, actor)
        done += 1
        if time.monotonic() > ends:
            break
        time.sleep(BREATH_S)
    return Turn(done, len(wanted) - done)


def _ids(filters: Filters, before: datetime) -> Sequence[str]:
    found = db.session.scalars(ids_of(filters).where(Held.created_at <= before)).all()
    db.session.rollback()
    return found


def _grouped(filters: Filters, before: datetime) -> Sequence[Any]:
    kinds = (Held.category, Held.status, Held.source, Held.is_reviewed)
    query = (
        ids_of(filters)
        .where(Held.created_at <= before)
        .order_by(None)
        .with_only_columns(*kinds, func.count(), func.min(Held.created_at), func.max(Held.created_at))
        .group_by(*kinds)
    )
    return db.session.execute(query).all()
