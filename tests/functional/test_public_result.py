"""What a person sees at the address of a picture: waiting, result, declined, failed, and deletion."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image as Pillow

from app.reading import intake, triage
from app.reading.intake import Actor
from app.store.database import writing
from app.store.erasures import short_name_of
from app.tables import AuditEvent, Image
from app.web.extensions import db
from app.workers import tasks
from app.workers.services import services
from tests.functional.test_public_upload import image_of, send, token

Scan = Callable[..., bytes]
LAYERS = ("picture", "outline", "fill", "heat")


@pytest.fixture
def image(app: Flask, client: FlaskClient, scan: Scan) -> Image:
    """A finished image, sent by `client`."""
    return image_of(app, send(client, scan()))


@pytest.fixture
def waiting(app: Flask, client: FlaskClient, scan: Scan, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The id of an image that nobody takes up."""
    monkeypatch.setattr(tasks, "start", lambda _: None)
    return send(client, scan()).headers["Location"].split("/r/")[1]


def change(app: Flask, image_id: str, **values: object) -> None:
    with app.app_context(), writing():
        row = db.session.get_one(Image, image_id)
        for name, value in values.items():
            setattr(row, name, value)


class TestWaiting:
    def test_the_page_shows_how_far_it_is_and_reloads_without_a_script(self, client: FlaskClient, waiting: str) -> None:
        page = client.get(f"/r/{waiting}").text
        assert "Reading your picture" in page
        assert re.search(r'<noscript><meta http-equiv="refresh" content="\d"></noscript>', page)
        assert page.count("step is-done") == 2
        assert page.count("step is-now") == 1
        assert f'data-waiting="/r/{waiting}/status"' in page

    def test_the_script_is_told_the_same(self, app: Flask, client: FlaskClient, waiting: str) -> None:
        assert client.get(f"/r/{waiting}/status").json == {
            "status": "queued", "step": "outlined", "done": 2, "of": 4, "is_finished": False,
        }  # fmt: skip
        change(app, waiting, status="running")
        assert client.get(f"/r/{waiting}/status").json["done"] == 2

    def test_a_finished_image_says_so(self, client: FlaskClient, image: Image) -> None:
        answer = client.get(f"/r/{image.id}/status").json
        assert (answer["is_finished"], answer["done"], answer["status"]) == (True, 4, "done")


class TestResult:
    def test_it_says_what_the_rules_say(self, client: FlaskClient, image: Image) -> None:
        page = client.get(f"/r/{image.id}").text
        words = triage.WORDS[str(image.category)]
        assert f"<h1>{words.heading}</h1>" in page.replace("&#39;", "'")
        for step in words.steps:
            assert step in page.replace("&#39;", "'")
        assert image.reference in page

    def test_every_number_is_there_for_a_clinician(self, app: Flask, client: FlaskClient, image: Image) -> None:
        page = client.get(f"/r/{image.id}").text
        with app.app_context():
            analysis = db.session.get_one(Image, image.id).analysis
            assert analysis is not None
            findings = analysis.findings
        for name in ("Benign", "Malignant", "Normal"):
            assert f"<strong>{name}</strong>" in page
        assert f"malignant {findings['probabilities']['malignant']:.4f}" in page
        assert "CPU, fp32" in page
        assert f"version {findings['models_version']}" in page
        assert " ms</dd>" in page
        assert image.id in page

    def test_words_of_a_verdict_are_not_used(self, client: FlaskClient, image: Image) -> None:
        page = client.get(f"/r/{image.id}").text.lower()
        for forbidden in ("you have cancer", "cancer detected", "all clear", "diagnos"):
            assert forbidden not in page
        assert "not a medical device" in page

    def test_moments_are_in_utc_for_the_script_to_localise(self, client: FlaskClient, image: Image) -> None:
        assert re.search(r'<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" data-moment>[^<]+ UTC</time>',
                         client.get(f"/r/{image.id}").text)  # fmt: skip

    def test_pictures_are_sized_ahead(self, client: FlaskClient, image: Image) -> None:
        images = re.findall(r"<img [^>]+>", client.get(f"/r/{image.id}").text)
        assert len(images) >= 2
        assert all('width="260" height="220"' in image for image in images)

    def test_a_percentage_is_never_the_largest_thing_of_an_unsure_page(
        self, app: Flask, client: FlaskClient, image: Image
    ) -> None:
        change(app, image.id, category="unsure")
        page = client.get(f"/r/{image.id}").text
        assert "%" not in "".join(re.findall(r"<h[1-3][^>]*>.*?</h[1-3]>", page))
        assert "%" not in page.split('class="verdict')[1].split("</header>")[0]

    @pytest.mark.parametrize("category", ["prompt", "routine", "clear", "unsure"])
    def test_clinics_come_first_only_when_it_presses(
        self, app: Flask, client: FlaskClient, image: Image, category: str
    ) -> None:
        change(app, image.id, category=category)
        page = client.get(f"/r/{image.id}").text
        assert (page.index('id="clinics"') < page.index('id="picture-heading"')) is (category == "prompt")

    def test_a_scale_bar_only_when_the_file_gave_a_scale(self, app: Flask, client: FlaskClient, image: Image) -> None:
        assert "viewer-scale" not in client.get(f"/r/{image.id}").text
        change(app, image.id, spacing_mm=0.1, spacing_source="the file")
        assert "Scale bar: 5 mm" in client.get(f"/r/{image.id}").text

    def test_notices_are_told(self, app: Flask, client: FlaskClient, image: Image) -> None:
        change(app, image.id, notices=["Text at the <edge> was blanked."])
        assert "Text at the &lt;edge&gt; was blanked." in client.get(f"/r/{image.id}").text

    def test_a_foreign_browser_sees_it_by_its_address_but_can_not_delete_it(self, app: Flask, image: Image) -> None:
        page = app.test_client().get(f"/r/{image.id}")
        assert page.status_code == 200
        assert "Delete my data" not in page.text

    @pytest.mark.parametrize("address", ["0" * 32, "../admin", "x", "A" * 32, "0" * 31])
    def test_any_other_address_is_a_friendly_404(self, client: FlaskClient, image: Image, address: str) -> None:
        for path in (f"/r/{address}", f"/r/{address}/status", f"/r/{address}/picture.png", f"/r/{address}/delete"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "There is nothing here" in answer.text


class TestDeclinedAndFailed:
    def test_a_declined_picture_says_why_and_what_to_do(self, app: Flask, client: FlaskClient) -> None:
        buffer = io.BytesIO()
        Pillow.fromarray(np.zeros((200, 200), np.uint8)).save(buffer, "PNG")
        image = image_of(app, send(client, buffer.getvalue()))
        assert image.status == "declined"
        page = client.get(f"/r/{image.id}").text
        assert "This picture can&#39;t be used" in page
        assert image.reason is not None
        assert image.reason in page
        assert "How to get a picture that works" in page
        assert 'class="bars"' not in page

    def test_a_failure_gives_a_reference_and_no_details(self, app: Flask, client: FlaskClient, image: Image) -> None:
        change(app, image.id, status="failed", category="failed", reason="The analysis failed three times.")
        page = client.get(f"/r/{image.id}").text
        assert "Something went wrong on our side" in page
        assert image.reference in page
        assert 'class="bars"' not in page


class TestLayers:
    @pytest.mark.parametrize("name", LAYERS)
    def test_each_layer_is_a_png_of_the_picture_s_size(self, client: FlaskClient, image: Image, name: str) -> None:
        answer = client.get(f"/r/{image.id}/{name}.png")
        assert (answer.status_code, answer.mimetype) == (200, "image/png")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        with Pillow.open(io.BytesIO(answer.data)) as image:
            assert image.size == (260, 220)
            assert image.mode == ("L" if name == "picture" else "P")

    def test_a_browser_keeps_them_privately_and_for_long(self, client: FlaskClient, image: Image) -> None:
        answer = client.get(f"/r/{image.id}/picture.png")
        assert "private" in answer.headers["Cache-Control"]
        assert "max-age=31536000" in answer.headers["Cache-Control"]
        again = client.get(f"/r/{image.id}/picture.png", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")

    def test_the_page_asks_for_the_layers_that_there_are(self, client: FlaskClient, image: Image) -> None:
        addresses = re.findall(rf'src="(/r/{image.id}/\w+\.png\?v=[^"]+)"', client.get(f"/r/{image.id}").text)
        assert len(addresses) >= 2
        for address in addresses:
            assert client.get(address).status_code == 200

    def test_a_file_that_is_gone_is_a_404(self, app: Flask, client: FlaskClient, image: Image) -> None:
        with app.app_context():
            services().store.remove(image.picture_sha256)
        assert client.get(f"/r/{image.id}/picture.png").status_code == 404

    def test_only_layers_can_be_asked_for(self, client: FlaskClient, image: Image) -> None:
        assert client.get(f"/r/{image.id}/secret_key.png").status_code == 404


class TestDeletion:
    def test_it_is_asked_once_more_and_then_everything_is_gone(
        self, app: Flask, client: FlaskClient, image: Image
    ) -> None:
        asked = client.get(f"/r/{image.id}/delete")
        assert "can't be undone" in asked.text.replace("&#39;", "'")
        answer = client.post(f"/r/{image.id}/delete", data={"csrf_token": token(client)})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert "are deleted" in client.get("/").text
        assert client.get(f"/r/{image.id}").status_code == 404
        with app.app_context():
            assert list(services().store.root.rglob("*.png")) == []
            assert (
                db.session.query(AuditEvent).filter_by(action="image.delete", image_id=short_name_of(image.id)).count()
                == 1
            )

    def test_asking_alone_deletes_nothing(self, client: FlaskClient, image: Image) -> None:
        client.get(f"/r/{image.id}/delete")
        assert client.get(f"/r/{image.id}").status_code == 200

    def test_without_a_token_nothing_is_deleted(self, client: FlaskClient, image: Image) -> None:
        assert client.post(f"/r/{image.id}/delete").status_code == 403
        assert client.get(f"/r/{image.id}").status_code == 200

    def test_another_browser_finds_nothing_to_delete(self, app: Flask, client: FlaskClient, image: Image) -> None:
        other = app.test_client()
        assert other.get(f"/r/{image.id}/delete").status_code == 404
        assert other.post(f"/r/{image.id}/delete", data={"csrf_token": token(other)}).status_code == 404
        assert client.get(f"/r/{image.id}").status_code == 200

    def test_a_picture_sent_by_a_program_is_not_a_browser_s_to_delete(
        self, app: Flask, client: FlaskClient, scan: Scan
    ) -> None:
        with app.test_request_context():
            receipt = intake.receive(scan(), Actor("f" * 64, "api"))
        assert client.get(f"/r/{receipt.image_id}/delete").status_code == 404
