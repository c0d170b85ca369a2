"""What the template of the triage list may read, and how ages and shares are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.review.triage_list import COUNTED_UP_TO, Page
from app.tables import Study
from app.tables.study import DECLINED, DONE, FAILED, QUEUED, RUNNING

NARROW_SPACE = "\u202f"


@dataclass(frozen=True)
class Entry:
    """One line of the triage list; `tag` is the category, or the status while there is none."""

    study_id: str
    reference: str
    tag: str
    label: str | None
    weight: str | None
    received_at: datetime
    age: str
    is_reviewed: bool
    is_finished: bool


@dataclass(frozen=True)
class ListPage:
    """The triage list. `query` holds the filters as they stand in the address, without the page."""

    entries: tuple[Entry, ...]
    number: int
    has_more: bool
    total: str
    query: Mapping[str, str]
    open_counts: Mapping[str, int]
    is_narrowed: bool

    @classmethod
    def of(
        cls, page: Page, query: Mapping[str, str], open_counts: Mapping[str, int], is_narrowed: bool, present: datetime
    ) -> ListPage:
        entries = tuple(_entry(study, present) for study in page.studies)
        return cls(entries, page.number, page.has_more, _total(page.total), query, open_counts, is_narrowed)


def age(moment: datetime, present: datetime) -> str:
    """How long ago, in the largest unit that fits: "now", "12 min", "3 h", "5 days"."""
    minutes = int((present - moment).total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"


def percent(share: float) -> str:
    """A share in 0..1 with one decimal: "72.3 %"."""
    return f"{share * 100:.1f}{NARROW_SPACE}%"


def _entry(study: Study, present: datetime) -> Entry:
    weight = percent(study.malignant) if study.malignant is not None else None
    return Entry(
        study.id, study.reference, tag(study), study.label, weight, study.created_at,
        age(study.created_at, present), study.is_reviewed, study.status in (DONE, DECLINED, FAILED),
    )  # fmt: skip


def tag(study: Study) -> str:
    """The category, or the status while there is none."""
    return study.status if study.status in (QUEUED, RUNNING) or study.category is None else study.category


def _total(total: int | None) -> str:
    if total is None:
        return f"More than {COUNTED_UP_TO:,} studies".replace(",", NARROW_SPACE)
    return "1 study" if total == 1 else f"{total:,} studies".replace(",", NARROW_SPACE)
