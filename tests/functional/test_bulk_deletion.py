"""An admin deletes what the filters of the list leave: preview, number, turns."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.review import bulk_deletion
from app.tables import AuditEvent, Image
from app.web.extensions import db
from app.workers import tasks
from tests.factories.staff import SETTINGS, Browser, add_image, staff


@pytest.fixture
def app(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(tasks, "start", lambda image_id: None)
    app = make_app(**SETTINGS)
    with app.app_context():
        for seed, source in enumerate(("api", "api", "api", "page", "staff")):
            add_image(seed, seed=seed, source=source, malignant=0.9 if seed else 0.1)
    return app


@pytest.fixture
def admin(app: Flask) -> Browser:
    return staff(app, "ada", "admin")


def count(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Image)) or 0


def before(page: str) -> str:
    found = re.search(r'name="before" value="([^"]+)"', page)
    assert found, page
    return html.unescape(found[1])


def confirm(admin: Browser, query: str, number: str) -> TestResponse:
    address = f"/admin/delete?{query}"
    return admin.post(address, seen=address, number=number, before=before(admin.get(address).text))


def test_the_list_leads_admins_to_the_preview_of_its_own_filters(app: Flask, admin: Browser) -> None:
    page = html.unescape(admin.get("/admin/?source=api&sort=newest").text)
    assert "/admin/delete?source=api&sort=newest" in page or "/admin/delete?sort=newest&source=api" in page
    assert "/admin/delete" not in staff(app, "grace", "reviewer").get("/admin/").text


def test_the_list_marks_where_each_image_came_from_and_filters_by_it(admin: Browser) -> None:
    page = admin.get("/admin/").text
    assert [page.count(f'class="source source-{name}"') for name in ("api", "page", "staff")] == [3, 1, 1]
    assert admin.get("/admin/?source=api").text.count("data-row") == 3
    assert "A filter was left out" in admin.get("/admin/?source=elsewhere").text


def test_the_preview_shows_how_many_and_which(app: Flask, admin: Browser) -> None:
    page = admin.get("/admin/delete?source=api").text
    assert "<h1>Delete 3 images</h1>" in page
    assert "Program" in page
    assert re.search(r"Soon</span> <strong[^>]*>2<", page)
    assert re.search(r"Routine</span> <strong[^>]*>1<", page)
    assert "All images of this server" in admin.get("/admin/delete").text
    assert count(app) == 5


def test_the_typed_number_deletes_them(app: Flask, admin: Browser) -> None:
    answer = confirm(admin, "source=api", "3")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
    assert "3 images deleted." in admin.get("/admin/").text
    with app.app_context():
        assert set(db.session.scalars(select(Image.source))) == {"page", "staff"}
        act = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "images.delete")).one()
        assert (act.actor, act.details) == ("ada", {"images": 3, "filters": {"source": "api"}})


@pytest.mark.parametrize(("number", "status"), [("", 422), ("2", 409), ("three", 409), ("-3", 409), ("9" * 30, 422)])
def test_another_number_deletes_nothing_and_shows_the_preview_again(
    app: Flask, admin: Browser, number: str, status: int
) -> None:
    answer = confirm(admin, "source=api", number)
    assert answer.status_code == status
    assert "Nothing was deleted" in answer.text
    assert "Delete 3 images" in answer.text
    assert count(app) == 5


@pytest.mark.parametrize("query", ["category=cyst", "source=elsewhere", "since=yesterday", "ref=xyz"])
def test_a_filter_that_can_t_be_read_deletes_nothing_at_all(app: Flask, admin: Browser, query: str) -> None:
    """The list leaves such a filter out; here that would delete more than was meant."""
    preview = admin.get(f"/admin/delete?{query}").text
    assert "nothing can be deleted" in preview
    assert 'name="number"' not in preview
    moment = before(admin.get("/admin/delete").text)
    answer = admin.post(f"/admin/delete?{query}", seen="/admin/delete", number="5", before=moment)
    assert answer.status_code == 422
    assert count(app) == 5


@pytest.mark.parametrize("moment", ["", "tomorrow", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59+00:00"])
def test_a_moment_that_can_t_be_read_does_no_harm(app: Flask, admin: Browser, moment: str) -> None:
    answer = admin.post("/admin/delete", seen="/admin/delete", number="4", before=moment)
    assert answer.status_code in (409, 422)
    assert count(app) == 5


def test_a_long_deletion_goes_in_turns_and_says_how_far_it_is(
    app: Flask, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_deletion, "TURN_S", 0.0)
    answer = confirm(admin, "", "5")
    assert answer.status_code == 200
    assert "1 image deleted, 4 images left" in answer.text
    assert 'name="number" value="4"' in answer.text
    assert "admin-delete.js" in answer.text
    for left in (3, 2, 1):
        answer = admin.post("/admin/delete", seen="/admin/delete", number=str(left + 1), before=before(answer.text))
        assert f"{left} image" in answer.text
    assert admin.post("/admin/delete", seen="/admin/", number="1", before=before(answer.text)).status_code == 302
    assert count(app) == 0


def test_an_empty_choice_offers_nothing_to_delete(admin: Browser) -> None:
    page = admin.get("/admin/delete?status=failed").text
    assert "No image fits these filters" in page
    assert 'name="number"' not in page


def test_the_reference_that_was_looked_for_is_not_kept_in_the_trail(app: Flask, admin: Browser) -> None:
    with app.app_context():
        image_id = db.session.scalars(select(Image.id)).first()
    assert confirm(admin, f"ref={image_id[:8]}", "1").status_code == 302
    with app.app_context():
        act = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "images.delete")).one()
        assert image_id[:8] not in str(act.details)
