"""Proves the audit trail: that no row was changed, taken out or put in since it was written.

What it can't prove: that the newest rows were not cut off, unless their seal was noted elsewhere (`Noted`, or lines
that were sent to another machine); and nothing against who knows the SECRET_KEY and can write the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Row, select

from app.audit import seals
from app.audit.seals import FIRST, Key, Said
from app.store.erasures import short_name_of
from app.tables import AuditEvent
from app.web.extensions import db

DELETED = "image.delete"
BATCH = 1000


@dataclass(frozen=True)
class Noted:
    """A row and its seal, as they were written down at some time, away from this server."""

    row: int
    seal: str


@dataclass(frozen=True)
class Fault:
    """The first row that is not as it was written, and what is wrong in one sentence."""

    row: int
    sentence: str


@dataclass(frozen=True)
class Proof:
    """Rows looked at, how many of them had their details erased, the newest one; `fault` is None when all hold."""

    rows: int
    erased: int
    newest: Noted
    fault: Fault | None


@dataclass
class _Walk:
    """Where the proof stands."""

    keys: Mapping[str, Key]
    noted: Noted | None
    rows: int = 0
    newest: Noted = field(default_factory=lambda: Noted(0, FIRST))
    erased: dict[str, int] = field(default_factory=dict)  # images whose details are gone, and their first such row
    erased_rows: int = 0


def verify(keys: Iterable[Key], noted: Noted | None = None) -> Proof:
    """Walk the trail from its first row on.

    Args:
        keys: of the present SECRET_KEY, and of earlier ones.
        noted: a row that must still be there, with this seal.
    """
    walk = _Walk({key.id: key for key in keys}, noted)
    fault = next((fault for row in _rows() if (fault := _step(walk, row)) is not None), None)
    return Proof(walk.rows, walk.erased_rows, walk.newest, fault or _at_the_end(walk))


def _rows() -> Iterator[Row[*tuple[object, ...]]]:
    query = select(*AuditEvent.__table__.columns).order_by(AuditEvent.id).execution_options(yield_per=BATCH)
    yield from db.session.connection().execute(query)


def _step(walk: _Walk, row: Row[*tuple[object, ...]]) -> Fault | None:
    key = walk.keys.get(row.sealed_with)
    if key is None:
        return Fault(row.id, f"Row {row.id} was sealed with another SECRET_KEY ({row.sealed_with}); give that one too.")
    name = short_name_of(row.image_id) if row.image_id else None
    said = Said(
        row.id, row.created_at, row.actor, row.action, name, row.request_id, row.details_sha256
    )  # fmt: skip
    if seals.seal(key, walk.newest.seal, said) != row.seal:
        return Fault(row.id, _broken(walk.newest.row, row.id))
    if row.salt is None and (name is None or row.details):
        return Fault(row.id, f"The details of row {row.id} were taken away or changed.")
    if row.salt is not None and seals.digest(row.details, row.salt) != row.details_sha256:
        return Fault(row.id, f"The details of row {row.id} were changed.")
    if name is not None:
        _remember_erased(walk, row, name)
    if walk.noted is not None and walk.noted.row == row.id and walk.noted.seal != row.seal:
        return Fault(row.id, f"Row {row.id} has another seal than the one that was noted.")
    walk.rows, walk.newest = walk.rows + 1, Noted(row.id, row.seal)
    return None


def _remember_erased(walk: _Walk, row: Row[*tuple[object, ...]], name: str) -> None:
    """Details or an id that are gone have to be followed by the deletion of their image."""
    if row.action == DELETED:
        walk.erased.pop(name, None)
    elif row.salt is None or row.image_id == name:
        walk.erased.setdefault(name, row.id)
        walk.erased_rows += 1


def _broken(before: int, row: int) -> str:
    missing = range(before + 1, row)
    if not missing:
        return f"Row {row} was changed, or put in, or follows another row than it did."
    named = f"Row {missing[0]} is" if len(missing) == 1 else f"Rows {missing[0]} to {missing[-1]} are"
    return f"{named} missing, or row {row} was changed."


def _at_the_end(walk: _Walk) -> Fault | None:
    """What only the whole trail tells: details that are gone although no deletion followed, and rows cut off."""
    if walk.erased:
        row = min(walk.erased.values())
        return Fault(row, f"What row {row} says of an image was taken away, and no deletion of that image is recorded.")
    if walk.noted is not None and walk.noted.row > walk.newest.row:
        return Fault(walk.noted.row, f"Row {walk.noted.row} is missing, and no row comes after it.")
    return None
