"""Deleting many: what is counted is what goes, in turns that let others write in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.reading import images
from app.review import bulk_deletion
from app.review.bulk_deletion import OtherCount, Turn
from app.review.triage_list import Filters
from app.store.database import writing
from app.tables import AuditEvent, Image
from app.tables.moment import now
from app.web.extensions import db
from app.workers.services import services
from tests.factories.staff import START, add_image

ALL = Filters()


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def ids() -> set[str]:
    return set(db.session.scalars(select(Image.id)))


def kept() -> list[Path]:
    return [path for path in services().store.root.rglob("*") if path.is_file()]


def events(action: str) -> list[AuditEvent]:
    return list(db.session.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)))


def test_the_preview_tells_how_many_there_are_of_which_kind() -> None:
    add_image(0, malignant=0.9, source="api")
    add_image(1, malignant=0.9, source="page", is_reviewed=True)
    add_image(2, status="queued", source="api")
    found = bulk_deletion.kinds_of(ALL, now())
    assert (found.count, found.reviewed) == (3, 1)
    assert dict(found.by_category) == {"prompt": 2, "queued": 1}
    assert dict(found.by_source) == {"api": 2, "page": 1}
    assert (found.oldest, found.newest) == (START, START + timedelta(hours=2))


def test_an_empty_list_has_no_kinds() -> None:
    found = bulk_deletion.kinds_of(Filters(category="clear"), now())
    assert (found.count, found.oldest, found.newest, dict(found.by_category)) == (0, None, None, {})


def test_only_what_the_filters_leave_goes_with_all_its_files() -> None:
    gone, stays = {add_image(seed=1, source="api"), add_image(seed=2, source="api")}, add_image(seed=3, source="staff")
    before = len(kept())
    assert bulk_deletion.delete(Filters(source="api"), now(), 2, "ada", {"source": "api"}) == Turn(2, 0)
    assert ids() == {stays}
    assert len(kept()) < before
    (act,) = events("images.delete")
    assert (act.actor, act.image_id, act.details) == ("ada", None, {"images": 2, "filters": {"source": "api"}})
    assert {event.actor for event in events("image.delete")} == {"ada"}
    assert len(events("image.delete")) == len(gone)


@pytest.mark.parametrize("typed", [0, 1, 3, -1])
def test_another_number_deletes_nothing(typed: int) -> None:
    for seed in (1, 2):
        add_image(seed=seed)
    with pytest.raises(OtherCount):
        bulk_deletion.delete(ALL, now(), typed, "ada", {})
    assert len(ids()) == 2
    assert events("images.delete") == []


def test_what_came_after_the_preview_stays() -> None:
    add_image(0)
    later = add_image(2)
    assert bulk_deletion.kinds_of(ALL, START + timedelta(hours=1)).count == 1
    assert bulk_deletion.delete(ALL, START + timedelta(hours=1), 1, "ada", {}) == Turn(1, 0)
    assert ids() == {later}


def test_a_turn_that_is_over_leaves_the_rest_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        add_image(seed=seed)
    monkeypatch.setattr(bulk_deletion, "TURN_S", 0.0)
    moment = now()
    assert bulk_deletion.delete(ALL, moment, 4, "ada", {}) == Turn(1, 3)
    assert len(ids()) == 3
    monkeypatch.undo()
    assert bulk_deletion.delete(ALL, moment, 3, "ada", {}) == Turn(3, 0)
    assert [event.details["images"] for event in events("images.delete")] == [4, 3]


def test_an_image_that_somebody_else_deletes_meanwhile_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        add_image(seed=seed)
    real = images.delete

    def meddling(image_id: str, actor: str) -> None:
        monkeypatch.setattr(images, "delete", real)
        for other in ids() - {image_id}:
            real(other, "grace")
        real(image_id, actor)

    monkeypatch.setattr(images, "delete", meddling)
    assert bulk_deletion.delete(ALL, now(), 3, "ada", {}) == Turn(3, 0)
    assert ids() == set()


def test_others_write_while_it_goes_on(app: Flask) -> None:
    for seed in range(12):
        add_image(seed=seed)
    deleted_before: list[int] = []
    started = threading.Event()

    def write() -> None:
        with app.app_context():
            started.wait(10)
            with writing():
                deleted_before.append(12 - len(ids()))

    writer = threading.Thread(target=write)
    writer.start()
    real = images.delete

    def told(image_id: str, actor: str) -> None:
        real(image_id, actor)
        started.set()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(images, "delete", told)
        bulk_deletion.delete(ALL, now(), 12, "ada", {})
    writer.join(10)
    assert deleted_before
    assert 1 <= deleted_before[0] < 12
