"""Filters, order and pages of the triage list, and that the database answers them from one index."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from app.review import triage_list
from app.review.triage_list import NEWEST, PROBABILITY, SORTS, Filters
from app.tables import Image
from app.tables.image import reference_prefix
from app.web.extensions import db
from tests.factories.staff import SETTINGS, add_image


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


def _ids(filters: Filters, number: int = 1, size: int = 50) -> list[str]:
    return [image.id for image in triage_list.page_of(filters, number, size).images]


def test_work_comes_by_review_then_urgency_then_age(app: Flask) -> None:
    with app.app_context():
        routine = add_image(hours=1, malignant=0.1)
        late_soon = add_image(hours=9, malignant=0.6)
        early_soon = add_image(hours=2, malignant=0.5)
        seen_soon = add_image(hours=0, malignant=0.9, is_reviewed=True)

        assert _ids(Filters()) == [early_soon, late_soon, routine, seen_soon]
        assert _ids(Filters(sort=NEWEST)) == [late_soon, early_soon, routine, seen_soon]
        assert _ids(Filters(sort=PROBABILITY)) == [seen_soon, late_soon, early_soon, routine]


def test_every_filter_narrows_and_they_combine(app: Flask) -> None:
    with app.app_context():
        soon = add_image(hours=0, malignant=0.9)
        routine = add_image(hours=30, malignant=0.1, is_reviewed=True)
        declined = add_image(hours=60, status="declined")
        waiting = add_image(hours=90, status="queued")

        assert _ids(Filters(category="prompt")) == [soon]
        assert _ids(Filters(label="benign")) == [routine]
        assert _ids(Filters(status="queued")) == [waiting]
        assert _ids(Filters(is_reviewed=True)) == [routine]
        assert _ids(Filters(since=date(2026, 3, 2), until=date(2026, 3, 4), sort=NEWEST)) == [declined, routine]
        assert _ids(Filters(since=date(2026, 3, 1), until=date(2026, 3, 1))) == [soon]
        assert _ids(Filters(category="prompt", is_reviewed=True)) == []


def test_an_image_is_found_by_the_start_of_its_reference_in_any_case(app: Flask) -> None:
    with app.app_context():
        wanted = add_image(id="abcdef12" + "0" * 24)
        add_image(id="abcd0000" + "0" * 24)

        for typed in (
            "ABCDEF12",
            "abcdef",
            " abcd ef12 ",
            wanted,
            f"http://localhost:8000/r/{wanted}",
            f"/r/{wanted}?x=1",
        ):
            assert _ids(Filters(reference=typed)) == [wanted], typed
        assert len(_ids(Filters(reference="abcd"))) == 2


@pytest.mark.parametrize("typed", ["xyz", "%", "' or 1=1 --", "_", "g" * 32, "0" * 33])
def test_what_cannot_be_a_reference_finds_nothing(app: Flask, typed: str) -> None:
    with app.app_context():
        add_image()
        assert reference_prefix(typed) is None
        assert _ids(Filters(reference=typed)) == []


def test_pages_follow_each_other_without_gaps(app: Flask) -> None:
    with app.app_context():
        for hour in range(7):
            add_image(hours=hour, status="queued")
        pages = [triage_list.page_of(Filters(sort=NEWEST), number, size=3) for number in (1, 2, 3, 4)]

        assert [len(page.images) for page in pages] == [3, 3, 1, 0]
        assert [page.has_more for page in pages] == [True, True, False, False]
        assert len({image.id for page in pages for image in page.images}) == 7
        assert {page.total for page in pages} == {7}


def test_counting_stops_where_the_number_no_longer_helps(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triage_list, "COUNTED_UP_TO", 3)
    with app.app_context():
        for _ in range(4):
            add_image(status="queued")
        assert triage_list.page_of(Filters()).total is None


def test_unreviewed_images_are_counted_by_category(app: Flask) -> None:
    with app.app_context():
        add_image(malignant=0.9)
        add_image(malignant=0.9, is_reviewed=True)
        add_image(malignant=0.1)
        add_image(status="declined")
        add_image(status="queued")
        assert triage_list.open_counts() == {"prompt": 1, "routine": 1, "declined": 1, "queued": 1}


def test_the_next_image_to_review_is_another_finished_one(app: Flask) -> None:
    with app.app_context():
        add_image(hours=0, status="queued")
        first, second = add_image(hours=1, malignant=0.9), add_image(hours=2, malignant=0.9)
        add_image(hours=0, malignant=0.9, is_reviewed=True)

        assert triage_list.next_open(first) == second
        assert triage_list.next_open(second) == first
        db.session.get_one(Image, second).is_reviewed = True
        db.session.commit()
        assert triage_list.next_open(first) is None


def test_every_combination_of_filters_and_order_reads_one_covering_index(app: Flask) -> None:
    choices = itertools.product(
        SORTS,
        (None, "benign"),
        (None, "prompt"),
        (None, "done"),
        (None, False),
        (None, date(2026, 3, 1)),
        (None, "api"),
    )
    with app.app_context():
        for sort, label, category, status, is_reviewed, since, source in choices:
            filters = Filters(label, category, status, is_reviewed, since, None, "", sort, source)
            plan = _plan(triage_list.ids_of(filters).limit(51))
            assert any("USING COVERING INDEX ix_image_" in step for step in plan), (filters, plan)
            assert not any("TEMP B-TREE" in step for step in plan), (filters, plan)


def test_a_reference_is_looked_up_in_an_index(app: Flask) -> None:
    with app.app_context():
        plan = _plan(triage_list.ids_of(Filters(reference="abc", sort=NEWEST)).limit(51))
        assert not any(step.startswith("SCAN") and "INDEX" not in step for step in plan), plan


def _plan(query: object) -> list[str]:
    compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    return [row[3] for row in db.session.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]
