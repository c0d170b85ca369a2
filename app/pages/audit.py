"""What the template of the audit trail may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.audit.trail import TrailPage
from app.store.erasures import MARK
from app.tables import AuditEvent
from app.tables.image import reference

MOST_SHOWN = 100  # ids of a list page or an export; the JSON lines hold all of them
IDS = "ids"


@dataclass(frozen=True)
class Shown:
    """An image: what the list finds it by, or "" where it was deleted, and its short form."""

    found_by: str
    reference: str


@dataclass(frozen=True)
class AuditLine:
    """One event. `images` are those that a list page or an export held; `more` of them are left out."""

    at: datetime
    actor: str
    action: str
    image: Shown | None
    details: str
    images: tuple[Shown, ...]
    more: int
    request_id: str


@dataclass(frozen=True)
class AuditPage:
    """A page of the trail. `query` holds the filters as they stand in the address, without the page."""

    lines: tuple[AuditLine, ...]
    number: int
    has_more: bool
    query: Mapping[str, str]

    @classmethod
    def of(cls, page: TrailPage, query: Mapping[str, str]) -> AuditPage:
        return cls(tuple(_line(event) for event in page.events), page.number, page.has_more, query)


def in_words(details: Mapping[str, Any]) -> str:
    """Details of an event as they stand in a table: "label: malignant, verdict: agree"."""
    return ", ".join(
        f"{name}: {_value(value)}" for name, value in details.items() if name != IDS and value not in (None, {}, "")
    )


def _value(value: Any) -> str:
    return " ".join(f"{name}={one}" for name, one in value.items()) if isinstance(value, Mapping) else str(value)


def _line(event: AuditEvent) -> AuditLine:
    ids = event.details.get(IDS, ())
    return AuditLine(
        event.created_at, event.actor, event.action, _shown(event.image_id) if event.image_id else None,
        in_words(event.details), tuple(_shown(one) for one in ids[:MOST_SHOWN]), max(0, len(ids) - MOST_SHOWN),
        event.request_id or "",
    )  # fmt: skip


def _shown(image_id: str) -> Shown:
    """`image_id`: whole, or its half, or the name that an erased one has."""
    if image_id.startswith(MARK):
        return Shown("", f"deleted {reference(image_id[len(MARK) :])}")
    return Shown(image_id, reference(image_id))
