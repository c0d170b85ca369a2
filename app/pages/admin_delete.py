"""What the page that deletes many images may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.categories import CATEGORIES
from app.pages.admin import in_words
from app.review.bulk_deletion import Kinds
from app.tables.image import QUEUED, RUNNING, SOURCES


@dataclass(frozen=True)
class DeletePage:
    """`query` holds the filters as they stand in the address; `before` goes back with the form.

    Attributes:
        total: how many, in words. deleted: how many the turn before this page took, 0 on a preview.
        categories, sources: pairs of a name and a number, in the order of the list, without those that are none.
    """

    count: int
    total: str
    deleted: int
    deleted_total: str
    categories: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, int], ...]
    reviewed: int
    oldest: datetime | None
    newest: datetime | None
    query: Mapping[str, str]
    before: str
    is_narrowed: bool

    @classmethod
    def of(
        cls, kinds: Kinds, query: Mapping[str, str], before: datetime, is_narrowed: bool, deleted: int = 0
    ) -> DeletePage:
        return cls(
            count=kinds.count, total=in_words(kinds.count), deleted=deleted, deleted_total=in_words(deleted),
            categories=_pairs(kinds.by_category, (*CATEGORIES, QUEUED, RUNNING)),
            sources=_pairs(kinds.by_source, SOURCES),
            reviewed=kinds.reviewed, oldest=kinds.oldest, newest=kinds.newest,
            query=query, before=before.isoformat(), is_narrowed=is_narrowed,
        )  # fmt: skip


def _pairs(counts: Mapping[str, int], order: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((name, counts[name]) for name in order if counts.get(name))
