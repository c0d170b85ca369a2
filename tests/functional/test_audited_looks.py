"""Who looked at what stands in the audit trail, and does not drown the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit import looks, seals, verifying
from app.audit.looks import IDS_IN_A_ROW, MOST_REMEMBERED, REMEMBERED_S, Looks
from app.tables import AuditEvent
from app.web.extensions import db
from tests.factories.staff import SETTINGS, Browser, add_image, staff


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


@pytest.fixture
def reviewer(app: Flask) -> Browser:
    return staff(app, "grace", "reviewer")


@pytest.fixture
def image_ids(app: Flask) -> list[str]:
    """Two images, the one to be read first in front."""
    with app.app_context():
        return [add_image(malignant=0.9), add_image(malignant=0.1, hours=1)]


def _looks(app: Flask, *actions: str) -> list[tuple[str, str | None, dict[str, object]]]:
    """Who, which image and the details of the looks so far; nothing is broken meanwhile."""
    with app.app_context():
        assert verifying.verify([seals.key_of(app.config["SECRET_KEY"])]).fault is None
        wanted = AuditEvent.action.in_(actions or ("list.view", "image.view"))
        events = db.session.scalars(select(AuditEvent).where(wanted).order_by(AuditEvent.id))
        return [(event.actor, event.image_id, event.details) for event in events]


def test_a_list_page_is_recorded_with_its_filters_and_the_images_on_it(
    app: Flask, reviewer: Browser, image_ids: list[str]
) -> None:
    assert reviewer.get("/admin/?category=prompt").status_code == 200
    assert reviewer.get("/admin/?sort=newest").status_code == 200
    narrowed, newest = _looks(app)
    assert narrowed[:2] == newest[:2] == ("grace", None)
    assert narrowed[2] == {"page": 1, "filters": {"category": "prompt"}, "images": 1, "ids": [image_ids[0][:16]]}
    assert newest[2] == {
        "page": 1,
        "filters": {"sort": "newest"},
        "images": 2,
        "ids": [one[:16] for one in image_ids[::-1]],
    }


def test_a_page_that_was_refused_is_no_look(app: Flask, image_ids: list[str]) -> None:
    stranger = Browser(app)
    assert stranger.get("/admin/").status_code == 302
    assert stranger.get(f"/admin/images/{image_ids[0]}").status_code == 302
    assert staff(app, "ada", "reviewer").get("/admin/images/" + "f" * 32).status_code == 404
    assert _looks(app) == []


def test_each_opening_of_an_image_is_recorded_and_its_layers_with_it(
    app: Flask, reviewer: Browser, image_ids: list[str]
) -> None:
    address = f"/admin/images/{image_ids[0]}"
    reviewer.get(address)
    for name in ("picture", "outline", "fill", "heat", "thumbnail"):
        assert reviewer.get(f"{address}/{name}.png").status_code == 200
    reviewer.get(address)
    assert _looks(app) == [("grace", image_ids[0], {})] * 2


def test_a_layer_that_is_fetched_alone_is_recorded_once(app: Flask, reviewer: Browser, image_ids: list[str]) -> None:
    for name in ("picture", "outline", "thumbnail", "picture"):
        reviewer.get(f"/admin/images/{image_ids[0]}/{name}.png")
    assert _looks(app) == [("grace", image_ids[0], {"layer": "picture"})]
    staff(app, "ada", "admin").get(f"/admin/images/{image_ids[0]}/picture.png")
    assert [who for who, _, _ in _looks(app)] == ["grace", "ada"]


def test_the_list_covers_thumbnails_and_nothing_larger(app: Flask, reviewer: Browser, image_ids: list[str]) -> None:
    reviewer.get("/admin/")
    for image_id in image_ids:
        reviewer.get(f"/admin/images/{image_id}/thumbnail.png")
    assert len(_looks(app)) == 1
    reviewer.get(f"/admin/images/{image_ids[1]}/picture.png")
    assert _looks(app)[1:] == [("grace", image_ids[1], {"layer": "picture"})]


def test_staff_who_open_a_public_result_are_recorded_and_its_sender_is_not(
    app: Flask, reviewer: Browser, image_ids: list[str]
) -> None:
    sender = Browser(app)
    for browser in (sender, reviewer):
        assert browser.get(f"/r/{image_ids[0]}").status_code == 200
        assert browser.get(f"/r/{image_ids[0]}/picture.png").status_code == 200
    reviewer.get(f"/r/{image_ids[1]}/heat.png")
    assert _looks(app) == [("grace", image_ids[0], {}), ("grace", image_ids[1], {"layer": "heat"})]


def test_all_ids_of_a_large_export_are_kept_a_thousand_to_a_row(app: Flask) -> None:
    ids = [f"{number:016x}" * 2 for number in range(2 * IDS_IN_A_ROW + 1)]
    with app.app_context():
        looks.exported("grace", ids, {"label": "benign"})
    rows = [details for _, _, details in _looks(app, "export.csv")]
    assert [row["part"] for row in rows] == ["1 of 3", "2 of 3", "3 of 3"]
    assert {row["images"] for row in rows} == {len(ids)}
    assert [one for row in rows for one in row["ids"]] == [one[:16] for one in ids]  # type: ignore[attr-defined]


def test_an_export_of_nothing_is_recorded_too(app: Flask, reviewer: Browser) -> None:
    assert reviewer.get("/admin/export.csv?category=failed").status_code == 200
    assert _looks(app, "export.csv") == [
        ("grace", None, {"images": 0, "filters": {"category": "failed"}, "part": "1 of 1", "ids": []})
    ]


def test_the_audit_page_leaves_looks_out_until_they_are_asked_for(
    app: Flask, reviewer: Browser, image_ids: list[str]
) -> None:
    reviewer.get("/admin/")
    reviewer.get(f"/admin/images/{image_ids[0]}")
    admin = staff(app, "ada", "admin")
    usual, narrowed = admin.get("/admin/audit").text, admin.get("/admin/audit?kind=looks").text
    assert "<code>login.succeed</code>" in usual
    assert "<code>list.view</code>" not in usual
    assert "<code>image.view</code>" in narrowed
    assert "<code>list.view</code>" in narrowed
    assert "<code>login.succeed</code>" not in narrowed
    assert f'href="/admin/?ref={image_ids[1][:16]}">' in narrowed
    everything = admin.get("/admin/audit?kind=all").text
    assert "<code>list.view</code>" in everything
    assert "<code>login.succeed</code>" in everything
    assert "<code>image.view</code>" in admin.get("/admin/audit?action=image.view").text
    assert "<code>user.create</code>" not in admin.get("/admin/audit?kind=logins").text
    by_image = admin.get(f"/admin/audit?kind=looks&ref={image_ids[0][:8]}").text
    assert by_image.count("<code>image.view</code>") == 1


def test_the_page_of_an_image_tells_what_happened_to_it_and_not_who_looked(
    reviewer: Browser, image_ids: list[str]
) -> None:
    address = f"/admin/images/{image_ids[0]}"
    reviewer.get(address)
    assert "<code>image.view</code>" not in reviewer.get(address).text


class TestMemory:
    def test_it_lasts_some_minutes(self) -> None:
        moments = [0.0]
        memory = Looks(lambda: moments[0])
        memory.remember("ada", ["x"], is_whole=True)
        moments[0] = REMEMBERED_S
        assert memory.is_recorded("ada", "x", is_whole=True)
        assert memory.is_recorded("ada", "x", is_whole=False)
        moments[0] = REMEMBERED_S + 0.1
        assert not memory.is_recorded("ada", "x", is_whole=True)

    def test_it_is_of_one_person_and_one_image(self) -> None:
        memory = Looks()
        memory.remember("ada", ["x"], is_whole=False)
        assert memory.is_recorded("ada", "x", is_whole=False)
        assert not memory.is_recorded("ada", "x", is_whole=True)
        assert not memory.is_recorded("ada", "y", is_whole=False)
        assert not memory.is_recorded("grace", "x", is_whole=False)

    def test_it_is_bounded_and_forgets_the_oldest(self) -> None:
        memory = Looks()
        memory.remember("ada", [str(number) for number in range(MOST_REMEMBERED + 1)], is_whole=True)
        assert not memory.is_recorded("ada", "0", is_whole=True)
        assert memory.is_recorded("ada", str(MOST_REMEMBERED), is_whole=True)
