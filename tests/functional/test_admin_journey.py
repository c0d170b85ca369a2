"""The rooms of the staff through the real doors: list, image, pictures, verdicts, export, users, audit, system."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import accounts
from app.audit import trail
from app.reading import layers
from app.tables import Analysis, AuditEvent, Image, Review
from app.web.extensions import db
from app.workers import tasks
from app.workers.decoding import Decoder, Walls
from app.workers.services import services
from app.workers.turns import Turns
from imaging import overlay
from tests.factories.staff import PASSWORD, SETTINGS, Browser, add_image, add_user, staff


@pytest.fixture
def app(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(tasks, "start", lambda image_id: None)
    return make_app(**SETTINGS)


@pytest.fixture
def admin(app: Flask) -> Browser:
    return staff(app, "ada", "admin")


@pytest.fixture
def reviewer(app: Flask, admin: Browser) -> Browser:
    return staff(app, "grace", "reviewer")


def _add(app: Flask, **values: object) -> str:
    with app.app_context():
        return add_image(**values)  # type: ignore[arg-type]


def _actions(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


VALUES = {"image_id": "f" * 32, "name": "picture", "user_id": "1"}


def _addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Every staff door: method, a concrete address, the role that it asks for."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/admin"):
            continue
        role = getattr(app.view_functions[rule.endpoint], "required_role", None)
        address = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda part: VALUES[part[1]], rule.rule)
        found += [(method, address, role) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


def test_every_staff_door_is_guarded(app: Flask) -> None:
    doors = _addresses(app)
    assert len(doors) >= 15
    assert {role for _, _, role in doors} == {"reviewer", "admin"}
    for method, address, _ in doors:
        answer = app.test_client().open(address, method=method)
        assert answer.status_code == (302 if method == "GET" else 403), (method, address)  # no token comes first


def test_anonymous_posts_with_a_token_get_401(app: Flask) -> None:
    browser = Browser(app)
    assert browser.post("/admin/images/" + "f" * 32 + "/review", verdict="agree").status_code == 401


def test_a_reviewer_is_refused_every_admin_door(app: Flask, reviewer: Browser) -> None:
    token = reviewer.token("/account")
    doors = [(method, address) for method, address, role in _addresses(app) if role == "admin"]
    assert len(doors) >= 6
    for method, address in doors:
        answer = reviewer.client.open(address, method=method, data={"csrf_token": token} if method == "POST" else None)
        assert answer.status_code == 403, (method, address)


def test_the_list_shows_images_with_their_tag_class_and_probability(app: Flask, reviewer: Browser) -> None:
    image_id = _add(app, malignant=0.8)
    _add(app, status="queued")
    page = reviewer.get("/admin/").text

    assert image_id[:8].upper() in page
    assert "80.0\u202f%" in page
    assert "2 images" in page
    assert 'tone-prompt"' in page
    assert "Waiting" in page


def test_filters_live_in_the_address_and_bad_ones_are_named(app: Flask, reviewer: Browser) -> None:
    soon, routine = _add(app, malignant=0.9), _add(app, malignant=0.1)
    narrowed = reviewer.get("/admin/?category=prompt&sort=newest&since=2026-01-01")
    assert soon in narrowed.text
    assert routine not in narrowed.text
    assert 'value="2026-01-01"' in narrowed.text

    odd = reviewer.get("/admin/?category=cyst&page=0&since=yesterday&ref=xyz")
    assert odd.status_code == 200
    assert "A filter was left out" in odd.text
    assert "No image fits" not in odd.text
    assert reviewer.get("/admin/?page=99999999999999999999").status_code == 200


def test_empty_lists_say_why(app: Flask, reviewer: Browser) -> None:
    assert "No image was sent yet" in reviewer.get("/admin/").text
    _add(app)
    assert "No image fits these filters" in reviewer.get("/admin/?status=failed").text
    assert "The list is shorter than that" in reviewer.get("/admin/?page=7").text


def test_an_image_page_holds_everything_known(app: Flask, reviewer: Browser) -> None:
    image_id = _add(app, malignant=0.8, spacing_mm=0.1, spacing_source="DICOM")
    page = reviewer.get(f"/admin/images/{image_id}").text
    for text in (
        image_id,
        "Longest axis",
        "Orientation",
        "U-Net 1.0.0",
        "CPU, fp32",
        "0.1000 mm per pixel, from DICOM",
        "malignant",
    ):
        assert text in page, text


@pytest.mark.parametrize("status", ["queued", "running", "declined", "failed"])
def test_unread_images_have_a_page_too(app: Flask, reviewer: Browser, status: str) -> None:
    image_id = _add(app, status=status)
    answer = reviewer.get(f"/admin/images/{image_id}")
    assert answer.status_code == 200
    assert ("Record the verdict" in answer.text) == (status in ("declined", "failed"))


@pytest.mark.parametrize("image_id", ["f" * 32, "x", "..", "F" * 32])
def test_unknown_images_are_404(app: Flask, reviewer: Browser, image_id: str) -> None:
    assert reviewer.get(f"/admin/images/{image_id}").status_code == 404
    assert reviewer.get(f"/admin/images/{image_id}/picture.png").status_code == 404


def test_picture_layers_are_png_and_not_sent_twice(app: Flask, reviewer: Browser) -> None:
    image_id = _add(app)
    for name in ("picture", "outline", "fill", "heat", "thumbnail"):
        answer = reviewer.get(f"/admin/images/{image_id}/{name}.png")
        assert answer.status_code == 200
        assert answer.data.startswith(b"\x89PNG")
        assert "private" in answer.headers["Cache-Control"]
        again = reviewer.get(f"/admin/images/{image_id}/{name}.png", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    assert reviewer.get(f"/admin/images/{image_id}/mask.png").status_code == 404


def test_whoever_draws_or_waits_to_holds_no_connection(
    app: Flask, reviewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id, held = _add(app), list[int]()
    draw = overlay.layer_png

    def counted(mask: np.ndarray, style: str) -> bytes:
        held.append(db.engine.pool.checkedout())
        return draw(mask, style)

    monkeypatch.setattr(overlay, "layer_png", counted)
    answer = reviewer.get(f"/admin/images/{image_id}/outline.png")
    assert (answer.status_code, held) == (200, [0])
    reviewer.get(f"/admin/images/{image_id}/outline.png", headers={"If-None-Match": answer.headers["ETag"]})
    assert held == [0]  # not drawn again


def test_whoever_can_not_have_something_drawn_in_time_is_told_to_come_back(
    app: Flask, reviewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "_turns", Turns(1))
    monkeypatch.setattr(layers, "LONGEST_WAIT_S", 0.01)
    image_id = _add(app)
    with layers._turns.taken(0, 0):
        answer = reviewer.get(f"/admin/images/{image_id}/outline.png", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (503, "drawing_busy")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_missing_picture_is_404_and_the_study_page_still_opens(app: Flask, reviewer: Browser) -> None:
    image_id, waiting = _add(app), _add(app, status="queued")
    with app.app_context():
        shutil.rmtree(services().store.root)
    assert reviewer.get(f"/admin/images/{image_id}/outline.png").status_code == 404
    assert reviewer.get(f"/admin/images/{waiting}/outline.png").status_code == 404
    assert reviewer.get(f"/admin/images/{image_id}").status_code == 200


def _review(browser: Browser, app: Flask, image_id: str, **fields: object) -> object:
    with app.app_context():
        newest = db.session.scalar(
            select(Analysis.id).where(Analysis.image_id == image_id).order_by(Analysis.id.desc())
        )
    page = f"/admin/images/{image_id}"
    return browser.post(f"{page}/review", seen=page, analysis_id=newest or "", **fields)


def test_verdicts_are_recorded_and_the_earlier_ones_stay(app: Flask, reviewer: Browser) -> None:
    image_id = _add(app, malignant=0.8)
    note = "<script>alert(1)</script> {{7*7}} javascript:alert(1)"
    assert _review(reviewer, app, image_id, verdict="agree").status_code == 302  # type: ignore[attr-defined]
    assert _review(reviewer, app, image_id, verdict="disagree", label="benign", note=note).status_code == 302  # type: ignore[attr-defined]

    page = reviewer.get(f"/admin/images/{image_id}").text
    assert "Agrees: malignant" in page
    assert "Disagrees: benign" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{7*7}}" in page
    assert _actions(app).count("image.review") == 2
    assert "Reviewed" in reviewer.get("/admin/?reviewed=yes").text


def test_incomplete_verdicts_are_refused_with_a_sentence(app: Flask, reviewer: Browser) -> None:
    image_id = _add(app, malignant=0.8)
    cases = (
        {},
        {"verdict": "disagree"},
        {"verdict": "disagree", "label": "malignant"},
        {"verdict": "agree", "note": "x" * 2001},
    )
    for fields in cases:
        answer = _review(reviewer, app, image_id, **fields)
        assert answer.status_code == 422, fields  # type: ignore[attr-defined]
        assert "error-summary" in answer.text  # type: ignore[attr-defined]
    stale = reviewer.post(f"/admin/images/{image_id}/review", seen="/account", verdict="agree", analysis_id="999")
    assert stale.status_code == 409
    with app.app_context():
        assert db.session.scalar(select(Review.id)) is None


def test_reading_again_queues_the_image_and_keeps_what_was_said(app: Flask, reviewer: Browser) -> None:
    image_id = _add(app)
    answer = reviewer.post(f"/admin/images/{image_id}/rerun", seen="/account")
    assert answer.status_code == 302
    with app.app_context():
        image = db.session.get_one(Image, image_id)
        assert (image.status, len(image.analyses)) == ("queued", 1)
    assert reviewer.post("/admin/images/" + "f" * 32 + "/rerun", seen="/account").status_code == 404


def test_deleting_needs_an_admin_and_a_deliberate_tick(app: Flask, admin: Browser, reviewer: Browser) -> None:
    image_id = _add(app)
    path = f"/admin/images/{image_id}/delete"
    assert reviewer.post(path, seen="/account", confirm="yes").status_code == 403
    assert admin.post(path, seen="/account").status_code == 422
    assert admin.post(path, seen="/account", confirm="yes").status_code == 302
    assert admin.get(f"/admin/images/{image_id}").status_code == 404
    assert _actions(app)[-1] == "image.delete"


def _export(browser: Browser, query: str = "") -> list[dict[str, str]]:
    answer = browser.get(f"/admin/export.csv{query}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="sonotriage-')
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_the_export_holds_what_is_listed_or_ticked_and_is_audited(app: Flask, reviewer: Browser) -> None:
    soon, routine = _add(app, malignant=0.9), _add(app, malignant=0.1)
    _review(reviewer, app, soon, verdict="agree", note='=cmd|"/C calc"!A0')

    assert [row["id"] for row in _export(reviewer)] == [routine, soon]
    narrowed = _export(reviewer, "?category=prompt")
    assert [row["id"] for row in narrowed] == [soon]
    assert narrowed[0]["note"].startswith("'=")
    assert [row["id"] for row in _export(reviewer, f"?id={routine}&id=nonsense")] == [routine]
    assert _actions(app).count("export.csv") == 3
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "export.csv")).all()[1]
        assert event.actor == "grace"
        assert event.details == {"images": 1, "filters": {"category": "prompt"}, "part": "1 of 1", "ids": [soon[:16]]}


def _change(browser: Browser, path: str, own_password: str = PASSWORD, **fields: str) -> TestResponse:
    """Send a form of the users page, with one's own password."""
    return browser.post(f"/admin/users{path}", seen="/admin/users", own_password=own_password, **fields)


def test_users_are_changed_only_with_the_admin_s_password_typed_again(app: Flask, admin: Browser) -> None:
    grace = add_user(app, "grace", "reviewer")
    acts: tuple[tuple[str, dict[str, str]], ...] = (
        ("", {"name": "eve", "role": "admin", "password": "a new long phrase"}),
        (f"/{grace}/role", {"role": "admin"}),
        (f"/{grace}/password", {"password": "a new long phrase"}),
        (f"/{grace}/disable", {}),
        (f"/{grace}/enable", {}),
    )
    for path, fields in acts:
        missing = admin.post(f"/admin/users{path}", seen="/admin/users", **fields)
        assert (missing.status_code, "Enter your own password as well." in missing.text) == (422, True), path
    for path, fields in acts[:4]:
        wrong = _change(admin, path, own_password="not my password", **fields)
        assert wrong.status_code == 422, path
        assert "Your own password is wrong. Nothing was changed." in wrong.text
    assert _actions(app).count("password.refuse") == 4
    with app.app_context():
        assert accounts.by_name("eve") is None
        user = accounts.by_name("grace")
        assert user is not None
        assert (user.role, user.is_enabled, user.must_change_password) == ("reviewer", True, False)


def test_admins_add_change_disable_and_enable_users(app: Flask, admin: Browser) -> None:
    added = _change(admin, "", name="Grace", role="reviewer", password=PASSWORD)
    assert added.status_code == 302
    assert _change(admin, "", name="grace", role="reviewer", password=PASSWORD).status_code == 422
    assert _change(admin, "", name="eve", role="root", password=PASSWORD).status_code == 422
    with app.app_context():
        grace = accounts.by_name("grace")
        assert grace is not None
        user_id = grace.id
    browser = Browser(app)
    browser.log_in("grace")
    for path, fields in (("role", {"role": "admin"}), ("role", {"role": "reviewer"}), ("disable", {}), ("enable", {})):
        assert _change(admin, f"/{user_id}/{path}", **fields).status_code == 302
    assert browser.get("/admin/").status_code == 302
    assert _change(admin, f"/{user_id}/password", password="short").status_code == 422
    assert _change(admin, f"/{user_id}/password", password="a new long phrase").status_code == 302
    assert browser.log_in("grace", "a new long phrase").status_code == 302
    assert _actions(app).count("user.role") == 2


def test_refused_changes_of_users_leave_them_as_they_were(app: Flask, admin: Browser) -> None:
    for path, fields, status in (
        ("1/role", {"role": "reviewer"}, 409),
        ("1/disable", {}, 409),
        ("99/disable", {}, 404),
        ("1/role", {"role": "king"}, 422),
    ):
        answer = _change(admin, f"/{path}", **fields)
        assert answer.status_code == status, path
    assert admin.get("/admin/users").status_code == 200


def test_the_audit_page_narrows_by_who_what_and_image(app: Flask, admin: Browser, reviewer: Browser) -> None:
    image_id = _add(app, malignant=0.8)
    _review(reviewer, app, image_id, verdict="agree")
    page = admin.get(f"/admin/audit?actor=grace&action=image.review&ref={image_id[:8]}").text
    assert page.count("<code>image.review</code>") == 1
    assert "label: malignant" in page
    assert "No event fits" in admin.get("/admin/audit?actor=nobody").text
    assert "A filter was left out" in admin.get("/admin/audit?page=-3").text


def test_the_whole_trail_can_be_taken_away_as_json_lines_and_that_is_recorded(app: Flask, admin: Browser) -> None:
    answer = admin.get("/admin/audit.jsonl")
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["action"] for row in rows] == _actions(app)
    assert (rows[-1]["action"], rows[-1]["actor"]) == ("audit.export", "ada")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="sonotriage-audit-')


def test_the_audit_page_suggests_every_act_that_the_code_records() -> None:
    source = "\n".join(path.read_text() for path in (Path(__file__).parents[2] / "app").rglob("*.py"))
    recorded = set(re.findall(r'(?:(?:audit|recording)\.| )record\(\s*[^,]+,\s*"([a-z]+\.[a-z]+)"', source))
    assert len(recorded) > 10
    assert recorded == set(trail.ACTIONS)


def test_the_system_page_counts_what_the_gpu_failed_at(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    visitor = staff(app, "ada", "admin")
    assert "Running on CPU." in visitor.get("/admin/system").text
    app.extensions["sonotriage"].engine.gpu_failures = 2
    app.extensions.pop("sonotriage.inference")
    assert "Readings that the GPU failed at since the start: 2." in visitor.get("/admin/system").text


@pytest.mark.parametrize(
    ("walls", "told"),
    [
        (None, "None has been needed yet."),
        (Walls("seccomp"), "Shut in by seccomp"),
        (Walls(None, "libseccomp is not installed"), "Not shut in (libseccomp is not installed)"),
    ],
)
def test_the_system_page_tells_what_shuts_decoders_in(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, walls: Walls | None, told: str
) -> None:
    monkeypatch.setattr(Decoder, "walls", walls)
    app = make_app(**SETTINGS)
    assert told in staff(app, "ada", "admin").get("/admin/system").text
    shut_in = "1.0" if walls and walls.means else "0.0"
    assert f"sonotriage_decoder_shut_in {shut_in}" in app.test_client().get("/metrics").text


def test_the_system_page_tells_that_networks_are_missing(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(**SETTINGS, MODELS_DIR=tmp_path)
    page = staff(app, "ada", "admin").get("/admin/system").text
    assert "Something does not work." in page
    assert "The model manifest can&#39;t be read." in page
    assert "SQLite" in page


def test_staff_pages_are_not_kept_by_browsers_and_carry_the_policy(app: Flask, admin: Browser) -> None:
    image_id = _add(app)
    for path in ("/admin/", f"/admin/images/{image_id}", "/admin/users", "/admin/audit", "/account", "/login?next=/x"):
        answer = admin.get(path)
        assert answer.headers["Cache-Control"] == "no-store", path
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<[^>]+\sstyle=|<script(?![^>]*src=)|\son[a-z]+=", answer.text), path
