"""What the template of the triage list may read, and how ages and shares are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.review.triage_list import COUNTED_UP_TO, Page
from app.tables import Image
from app.tables.image import DECLINED, DONE, FAILED, QUEUED, RUNNING

NARROW_SPACE = "\u202f"


@dataclass(frozen=True)
class Entry:
    """One line of the triage list; `tag` is the category, or the status while there is none.

    `malignant` is the calibrated probability of malignant as text; None while there is none.
    """

    image_id: str
    reference: str
    tag: str
    label: str | None
    malignant: str | None
    received_at: datetime
    age: str
    is_reviewed: bool
    is_finished: bool
    source: str


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
        entries = tuple(_entry(image, present) for image in page.images)
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


def _entry(image: Image, present: datetime) -> Entry:
    malignant = percent(image.malignant) if image.malignant is not None else None
    return Entry(
        image.id, image.reference, tag(image), image.label, malignant, image.created_at,
        age(image.created_at, present), image.is_reviewed, image.status in (DONE, DECLINED, FAILED),
        image.source,
    )  # fmt: skip


def tag(image: Image) -> str:
    """The category, or the status while there is none."""
    return image.status if image.status in (QUEUED, RUNNING) or image.category is None else image.category


def in_words(count: int) -> str:
    """A number of images: "1 image", "1 250 images"."""
    return "1 image" if count == 1 else f"{count:,} images".replace(",", NARROW_SPACE)


def _total(total: int | None) -> str:
    return in_words(total) if total is not None else f"More than {in_words(COUNTED_UP_TO)}"
