"""The triage list: which images, in which order, on which page. Answered by the database from one index each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Float,
    Integer,
    Select,
    String,
    TextClause,
    column,
    func,
    select,
    text,
)

from app.tables import Image
from app.tables.image import DECLINED, DONE, FAILED, QUEUED, RUNNING, reference_prefix
from app.tables.moment import Moment
from app.web.extensions import db

PAGE_SIZE = 50
COUNTED_UP_TO = 10_000  # counting further would cost more than the number is worth
STATUSES = (DONE, DECLINED, FAILED, QUEUED, RUNNING)
REVIEWED_RANK = 10  # work_rank of an image is below it until it is reviewed


class Held:
    """What every index of an order holds. Columns without their table, which is named together with the index."""

    id = column("id", String)
    work_rank = column("work_rank", Integer)
    malignant = column("malignant", Float)
    created_at = column("created_at", Moment)
    category = column("category", String)
    label = column("label", String)
    status = column("status", String)
    is_reviewed = column("is_reviewed", Boolean)
    source = column("source", String)


WORK, NEWEST, PROBABILITY = "urgency", "newest", "probability"
# Per order: the index that holds it together with every filter, and the columns.
_ORDERS: dict[str, tuple[str, tuple[ColumnElement[Any], ...]]] = {
    WORK: ("ix_image_work", (Held.work_rank, Held.created_at, Held.id)),
    NEWEST: ("ix_image_newest", (Held.created_at.desc(), Held.id.desc())),
    PROBABILITY: ("ix_image_weight", (Held.malignant.desc(), Held.created_at.desc(), Held.id.desc())),
}
SORTS = tuple(_ORDERS)


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; None and "" leave a filter out.

    Attributes:
        reference: what was typed: the start of an id in any case, or a whole address of a result.
        since, until: days in UTC, both included.
    """

    label: str | None = None
    category: str | None = None
    status: str | None = None
    is_reviewed: bool | None = None
    since: date | None = None
    until: date | None = None
    reference: str = ""
    sort: str = WORK
    source: str | None = None

    @property
    def is_narrowing(self) -> bool:
        """True when images may be left out."""
        return self != Filters(sort=self.sort)


@dataclass(frozen=True)
class Page:
    """One page of the list. `total` is exact up to COUNTED_UP_TO and None above it."""

    images: tuple[Image, ...]
    number: int
    has_more: bool
    total: int | None


def page_of(filters: Filters, number: int = 1, size: int = PAGE_SIZE) -> Page:
    """A page, counted from 1: first the ids from the index, then only that page's rows."""
    ids = db.session.scalars(ids_of(filters).offset((number - 1) * size).limit(size + 1)).all()
    counted = select(func.count()).select_from(ids_of(filters).order_by(None).limit(COUNTED_UP_TO + 1).subquery())
    total = db.session.scalar(counted) or 0
    return Page(rows_of(ids[:size]), number, len(ids) > size, total if total <= COUNTED_UP_TO else None)


def rows_of(ids: Sequence[str]) -> tuple[Image, ...]:
    """The images with these ids, in this order; those deleted meanwhile are left out."""
    found = {image.id: image for image in db.session.scalars(select(Image).where(Image.id.in_(ids)))}
    return tuple(found[image_id] for image_id in ids if image_id in found)


def ids_of(filters: Filters) -> Select[str]:
    """The ids that the filters leave, in order."""
    index, order = _ORDERS[filters.sort]
    rows = text("image") if filters.reference else _read_by(index)  # a reference is a range of the primary key
    return select(Held.id).select_from(rows).where(*_conditions(filters)).order_by(*order)


def open_counts() -> dict[str, int]:
    """How many unreviewed images each category holds; waiting ones have none yet and count under "queued"."""
    query = (
        select(Held.category, func.count())
        .select_from(_read_by("ix_image_work"))
        .where(Held.work_rank < REVIEWED_RANK)
        .group_by(Held.category)
    )
    return {category or QUEUED: count for category, count in db.session.execute(query)}


def next_open(image_id: str) -> str | None:
    """The unreviewed, finished image that comes first in the order of work, apart from this one."""
    query = ids_of(Filters()).where(
        Held.id != image_id, Held.work_rank < REVIEWED_RANK, Held.status.in_((DONE, DECLINED, FAILED))
    )
    return db.session.scalar(query.limit(1))


def _read_by(index: str) -> TextClause:
    """The table, read by one index.

    SQLite's planner likes an index that fits one filter, and then looks up tens of thousands of rows and sorts them:
    50 to 170 ms at 100,000 rows, where the index that holds order and filters together takes 10 at most.
    """
    return text(f"image INDEXED BY {index}" if db.engine.dialect.name == "sqlite" else "image")


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    wanted = (
        (Held.label, filters.label),
        (Held.category, filters.category),
        (Held.status, filters.status),
        (Held.is_reviewed, filters.is_reviewed),
        (Held.source, filters.source),
    )
    conditions: list[ColumnElement[bool]] = [held == value for held, value in wanted if value is not None]
    if filters.since is not None:
        conditions.append(Held.created_at >= _midnight(filters.since))
    if filters.until is not None and filters.until < date.max:
        conditions.append(Held.created_at < _midnight(filters.until + timedelta(days=1)))
    return conditions + _reference_conditions(filters.reference)


def _reference_conditions(reference: str) -> list[ColumnElement[bool]]:
    """A range of the primary key: "g" comes right after the last hexadecimal digit."""
    if not reference:
        return []
    prefix = reference_prefix(reference)
    if prefix is None:
        return [Held.id.is_(None)]
    return [Held.id >= prefix, Held.id < prefix + "g"]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
