"""A person sends a picture, with a browser that runs no script and with our upload script."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from app.clinics import directory
from app.reading import intake
from app.reading.intake import QueueFull
from app.serving import waiting
from app.tables import Image
from app.web.extensions import db
from app.workers import tasks
from app.workers.services import services

Scan = Callable[..., bytes]
MakeApp = Callable[..., Flask]
SCRIPT = {"Accept": "application/json"}


def token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").text)
    assert found is not None
    return found[1]


def send(
    client: FlaskClient, *files: bytes, name: str = "scan.png", headers: dict[str, str] | None = None, **fields: str
) -> TestResponse:
    """Send the form as a browser does: an empty file field is a part without a name."""
    values: MultiDict[str, object] = MultiDict({"csrf_token": token(client), "place": "", **fields})
    for content in files or (b"",):
        values.add("picture", FileStorage(io.BytesIO(content), name if files else ""))
    boundary, body = encode_multipart(values)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post("/", data=body, content_type=kind, headers=headers or {})


def image_of(app: Flask, answer: TestResponse) -> Image:
    """The image that an answer leads to, when it is no longer waiting."""
    image_id = answer.headers["Location"].split("/r/")[1].split("?")[0]
    with app.app_context():
        assert tasks.wait(image_id, 20)
        return db.session.get_one(Image, image_id)


def kept(app: Flask) -> tuple[int, list[Path]]:
    with app.app_context():
        files = [path for path in services().store.root.rglob("*") if path.is_file()]
        return db.session.query(Image).count(), files


class TestWhereItLeads:
    def test_a_picture_that_is_read_in_a_glance_leads_to_its_result(
        self, client: FlaskClient, scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waiting, "GLANCE_S", 20)  # on a machine of any speed
        page = client.get(send(client, scan()).headers["Location"]).text
        assert "data-waiting" not in page
        assert "data-viewer" in page

    def test_one_that_takes_longer_leads_to_the_waiting_page_at_once(
        self, make_app: MakeApp, scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tasks, "start", lambda _: None)
        client = make_app(WAIT_S=60).test_client()
        started = time.monotonic()
        answer = send(client, scan())
        assert time.monotonic() - started < 20
        assert "data-waiting" in client.get(answer.headers["Location"]).text


class TestPage:
    def test_the_first_page_has_everything_that_works_without_a_script(self, client: FlaskClient) -> None:
        page = client.get("/").text
        assert 'enctype="multipart/form-data"' in page
        for field in ('type="file"', 'name="frame"', 'name="place"', 'name="csrf_token"', 'value="smooth-oval"'):
            assert field in page
        assert "not a medical device" in page
        assert "Read this picture" in page

    def test_it_holds_no_inline_script_or_style(self, client: FlaskClient) -> None:
        page = client.get("/").text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert "<style" not in page
        assert not re.search(r'\s(style|on[a-z]+)="', page)

    def test_it_names_no_other_server(self, client: FlaskClient) -> None:
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', client.get("/").text)

    def test_without_the_pictures_it_weighs_less_than_100_kb(self, app: Flask, client: FlaskClient) -> None:
        page = client.get("/").text
        parts = set(re.findall(r'(?:src|href)="(/static/[^"?]+\.(?:css|js|svg))[?"]', page)) | {"/static/js/place.js"}
        assert len(parts) > 5
        total = len(page) + sum((Path(app.root_path).parent / part[1:]).stat().st_size for part in parts)
        assert total < 100_000

    def test_a_visit_sets_no_visitor_cookie(self, client: FlaskClient) -> None:
        client.get("/")
        assert client.get_cookie("visitor") is None

    def test_the_operator_s_settings_are_told(self, make_app: MakeApp) -> None:
        page = make_app(RETENTION_DAYS=30, NOMINATIM_URL="https://places.example").test_client().get("/").text
        assert "after 30 days" in page
        assert "geocoding service" in page


class TestSending:
    def test_a_picture_leads_to_its_result(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        answer = send(client, scan())
        assert answer.status_code == 303
        assert re.fullmatch(r"/r/[0-9a-f]{32}", answer.headers["Location"])
        assert image_of(app, answer).status == "done"

    def test_the_script_gets_the_address_as_json(self, client: FlaskClient, scan: Scan) -> None:
        answer = send(client, scan(), headers=SCRIPT)
        assert answer.status_code == 201
        assert answer.json == {"address": answer.headers["Location"]}

    def test_the_same_file_again_leads_to_the_same_result(self, client: FlaskClient, scan: Scan) -> None:
        assert send(client, scan()).headers["Location"] == send(client, scan()).headers["Location"]

    def test_another_browser_gets_a_result_of_its_own(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        other = app.test_client()
        assert send(client, scan()).headers["Location"] != send(other, scan()).headers["Location"]

    @pytest.mark.parametrize("name", ["smooth-oval", "irregular", "no-lesion"])
    def test_a_sample_is_read_with_one_press(self, app: Flask, client: FlaskClient, name: str) -> None:
        answer = client.post("/", data={"csrf_token": token(client), "sample": name})
        assert answer.status_code == 303
        assert (image_of(app, answer).width, image_of(app, answer).height) == (448, 375)

    def test_coordinates_are_kept_to_about_100_metres(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        image = image_of(app, send(client, scan(), latitude="43.653226", longitude="-79.383184"))
        assert (image.latitude, image.longitude, image.place) == (43.653, -79.383, "43.653, -79.383")

    def test_a_typed_place_with_one_meaning_is_kept(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        image = image_of(app, send(client, scan(), place="Hamilton, ON"))
        assert image.place is not None
        assert image.place.startswith("Hamilton, Ontario")

    def test_an_ambiguous_place_is_asked_about_beside_the_result(
        self, app: Flask, client: FlaskClient, scan: Scan
    ) -> None:
        answer = send(client, scan(), place="Hamilton")
        assert answer.headers["Location"].endswith("?place=Hamilton")
        assert image_of(app, answer).place is None
        assert "Which one do you mean?" in client.get(answer.headers["Location"]).text


class TestRefusals:
    @pytest.mark.parametrize(
        ("files", "fields", "status", "code", "field"),
        [
            ((), {}, 400, "no_file", "picture"),
            ((b"one", b"two"), {}, 400, "one_file_only", "picture"),
            ((b"just some text",), {}, 415, "not_an_image", "picture"),
            ((), {"sample": "../secret_key"}, 400, "unknown_sample", "picture"),
            ((b"x",), {"frame": "first"}, 400, "bad_frame", "frame"),
            ((b"x",), {"frame": "0"}, 400, "bad_frame", "frame"),
            ((b"x",), {"place": "p" * 201}, 400, "place_too_long", "place"),
            ((b"x",), {"latitude": "91", "longitude": "0"}, 400, "bad_point", "place"),
            ((b"x",), {"latitude": "nan", "longitude": "0"}, 400, "bad_point", "place"),
            ((b"x",), {"latitude": "1"}, 400, "bad_point", "place"),
        ],
    )
    def test_what_is_wrong_is_told_and_nothing_is_kept(
        self, app: Flask, client: FlaskClient, files: tuple[bytes, ...], fields: dict[str, str], status: int,
        code: str, field: str,
    ) -> None:  # fmt: skip
        answer = send(client, *files, headers=SCRIPT, **fields)
        assert (answer.status_code, answer.json["code"], answer.json["field"]) == (status, code, field)
        assert len(answer.json["request_id"]) == 32
        page = send(client, *files, **fields)
        assert page.status_code == status
        assert f'<a href="#{field}">' in page.text
        assert f'id="{field}"' in page.text
        assert "<title>Error: " in page.text
        assert kept(app) == (0, [])

    def test_an_empty_file_is_refused(self, client: FlaskClient) -> None:
        answer = send(client, b"", headers=SCRIPT)
        assert (answer.status_code, answer.json["code"]) == (422, "empty_file")

    def test_what_was_typed_stands_in_the_form_again(self, client: FlaskClient) -> None:
        assert 'value="Hamilton, ON"' in send(client, b"text", place="Hamilton, ON").text

    def test_what_was_typed_is_shown_as_text(self, client: FlaskClient) -> None:
        page = send(client, b"text", place='"><script>alert(1)</script>{{7*7}}').text
        assert "<script>alert" not in page
        assert "{{7*7}}" in page

    def test_a_full_queue_asks_to_come_back(
        self, client: FlaskClient, scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise QueueFull

        monkeypatch.setattr(intake, "receive", refuse)
        answer = send(client, scan())
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert "Many pictures are waiting" in answer.text

    def test_a_sender_without_our_cookie_counts_by_address(self, make_app: MakeApp, scan: Scan) -> None:
        app = make_app(UPLOADS_PER_SENDER=2)
        statuses = [send(app.test_client(), scan(seed), headers=SCRIPT).status_code for seed in range(3)]
        assert statuses == [201, 201, 413]

    def test_a_browser_that_is_known_does_not_count_by_address(self, make_app: MakeApp, scan: Scan) -> None:
        app = make_app(UPLOADS_PER_SENDER=2)
        first = app.test_client()
        assert send(first, scan(0), headers=SCRIPT).status_code == 201
        assert send(first, scan(1), headers=SCRIPT).status_code == 201
        assert send(app.test_client(), scan(2), headers=SCRIPT).status_code == 201

    def test_too_many_uploads_in_a_minute_are_slowed_down(self, make_app: MakeApp) -> None:
        client = make_app(UPLOADS_PER_MINUTE=1).test_client()
        answers = [send(client, headers=SCRIPT) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [400, 429]
        assert "Retry-After" not in answers[0].headers
        assert 1 <= int(answers[1].headers["Retry-After"]) <= 60


class TestToken:
    @pytest.mark.parametrize("value", ["", "wrong", "IjEyMyI.aaaa.bbbb"])
    def test_a_form_without_a_good_token_is_refused_in_friendly_words(
        self, app: Flask, client: FlaskClient, scan: Scan, value: str
    ) -> None:
        answer = send(client, scan(), csrf_token=value)
        assert answer.status_code == 403
        assert "Reload and try again" in answer.text
        assert 'href="/"' in answer.text
        assert kept(app) == (0, [])

    def test_the_script_is_told_the_code(self, client: FlaskClient, scan: Scan) -> None:
        answer = send(client, scan(), headers=SCRIPT, csrf_token="wrong")
        assert (answer.status_code, answer.json["code"]) == (403, "form_expired")

    def test_a_token_of_another_browser_is_refused(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        assert send(client, scan(), csrf_token=token(app.test_client())).status_code == 403


def test_a_place_sent_with_the_picture_lists_clinics_with_the_result(
    app: Flask, client: FlaskClient, scan: Scan
) -> None:
    with app.app_context():
        directory.seed()
    answer = send(client, scan(), latitude="43.653", longitude="-79.383")
    image_of(app, answer)
    page = client.get(answer.headers["Location"]).text
    assert page.count('class="clinic"') == 5
    assert "Call first" in page


def test_a_postcode_sent_with_the_picture_is_kept_as_about_there(app: Flask, client: FlaskClient, scan: Scan) -> None:
    with app.app_context():
        directory.seed()
    answer = send(client, scan(), place="80331, Germany")
    assert image_of(app, answer).place == "about 80331 München, Germany"
    page = client.get(answer.headers["Location"]).text
    assert page.count("<strong>about ") - 1 == page.count('class="clinic"') == 5


def test_a_postcode_of_several_countries_is_asked_about_beside_the_result(
    app: Flask, client: FlaskClient, scan: Scan
) -> None:
    answer = send(client, scan(), place="10115")
    assert image_of(app, answer).place is None
    assert "Which one do you mean?" in client.get(answer.headers["Location"]).text


def test_below_a_result_what_lies_beyond_is_one_link_away(app: Flask, client: FlaskClient, scan: Scan) -> None:
    with app.app_context():
        directory.seed()
    answer = send(client, scan(), place="Whitehorse, Canada")
    page = client.get(answer.headers["Location"]).text
    assert 'class="clinic"' not in page
    assert "No clinic of this country in this list lies within 300 km" in page
    (farther,) = re.findall(r'href="(/r/\w+\?beyond=yes)#clinics"', page)
    assert client.get(farther).text.count('class="clinic"') == 5
