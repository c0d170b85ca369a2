"""Clinics, about, and the pages that say what went wrong."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.clinics import directory
from app.inference.manifest import ModelUnusable
from app.places import postal_package
from app.reading import images

MakeApp = Callable[..., Flask]
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
def filled(app: Flask) -> FlaskClient:
    """A visitor of a server with the bundled directory."""
    with app.app_context():
        directory.seed()
    return app.test_client()


class TestClinics:
    def test_the_bare_page_asks_for_a_place(self, client: FlaskClient) -> None:
        page = client.get("/clinics").text
        assert 'name="place"' in page
        assert 'class="clinic"' not in page

    def test_a_place_gives_five_clinics_and_a_map(self, filled: FlaskClient) -> None:
        page = filled.get("/clinics?place=Hamilton,+ON").text
        assert page.count('class="clinic"') == 5
        assert '<svg class="map"' in page
        assert re.search(r"[\d.]+ km \([\d.]+ miles\)", page)
        assert 'href="tel:+' in page
        assert "Facts as of" in page

    def test_miles_come_first_where_the_operator_wants_them(self, make_app: MakeApp) -> None:
        app = make_app(DISTANCE_UNIT="miles")
        with app.app_context():
            directory.seed()
        assert re.search(r"[\d.]+ miles \([\d.]+ km\)", app.test_client().get("/clinics?place=Hamilton,+ON").text)

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ("latitude=43.653&longitude=-79.383", "43.653, -79.383"),
            ("place=SW1A+1AA", "about SW London South West, United Kingdom"),
        ],
    )
    def test_coordinates_and_a_postcode_of_one_country_list_at_once(
        self, filled: FlaskClient, asked: str, told: str
    ) -> None:
        page = filled.get(f"/clinics?{asked}").text
        assert page.count('class="clinic"') == 5
        assert told in page

    def test_a_name_of_several_places_is_asked_about_and_can_be_chosen(self, filled: FlaskClient) -> None:
        page = filled.get("/clinics?place=Hamilton").text
        assert "Which one do you mean?" in page
        chosen = re.findall(r'href="(/clinics\?[^"#]+)', page)
        assert len(chosen) > 3
        after = filled.get(chosen[0].replace("&amp;", "&")).text
        assert after.count('class="clinic"') == 5
        assert "Which one do you mean?" not in after

    def test_an_unknown_place_is_told_at_the_field(self, filled: FlaskClient) -> None:
        page = filled.get("/clinics?place=Nowhereville").text
        assert "No place of that name is known here." in page
        assert 'aria-invalid="true"' in page
        assert 'value="Nowhereville"' in page

    @pytest.mark.parametrize(
        "query", ["place=" + "x" * 201, "latitude=91&longitude=0", "latitude=a&longitude=b", "latitude=1"]
    )
    def test_what_can_be_no_place_is_a_400_with_one_sentence(self, client: FlaskClient, query: str) -> None:
        answer = client.get(f"/clinics?{query}")
        assert answer.status_code == 400
        assert 'class="field-error"' in answer.text

    @pytest.mark.parametrize("text", ["'; DROP TABLE clinic--", "<script>alert(1)</script>", "%00", "{{7*7}}"])
    def test_whatever_is_typed_stays_text(self, filled: FlaskClient, text: str) -> None:
        answer = filled.get("/clinics", query_string={"place": text})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert filled.get("/clinics?place=Hamilton,+ON").text.count('class="clinic"') == 5

    def test_the_age_of_each_fact_stands_with_its_clinic(self, filled: FlaskClient) -> None:
        page = filled.get("/clinics?place=Hamilton,+ON").text
        ages = re.findall(
            r"Facts as of <time datetime=\"([\d-]{10})\">\w+ \d{4}</time>, \d+ (?:years|months?) old", page
        )
        assert len(ages) == page.count('class="clinic"') == 5
        assert "may have moved or closed" in page

    @pytest.mark.parametrize(("text", "least"), [("10115", 3), ("90210", 3)])
    def test_a_postcode_of_several_countries_is_asked_about_without_script(
        self, filled: FlaskClient, text: str, least: int
    ) -> None:
        page = filled.get(f"/clinics?place={text}").text
        assert "Which one do you mean?" in page
        assert "Countries States Cities Database (ODbL 1.0)" in page
        chosen = re.findall(r'<a class="button" href="(/clinics\?[^"#]+)', page)
        assert len(chosen) >= least
        after = filled.get(chosen[0].replace("&amp;", "&")).text
        assert "Which one do you mean?" not in after
        assert 'class="clinic"' in after
        assert "<strong>about " in after

    def test_a_country_without_postcodes_is_told_at_the_field(self, filled: FlaskClient) -> None:
        page = filled.get("/clinics?place=D02+X285,+Ireland").text
        assert "This server knows no postcodes of Ireland. Type a town." in page

    def test_the_form_says_of_how_many_countries_it_knows_postcodes(self, client: FlaskClient) -> None:
        for path in ("/", "/clinics"):
            assert re.search(r"Postcodes are known for \d+ countries", client.get(path).text)

    def test_without_postcodes_no_form_promises_any(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postal_package, "countries", frozenset)
        for path in ("/", "/clinics"):
            page = client.get(path).text
            assert "Town or postcode" not in page
            assert "This server knows no postcodes; type a town." in page

    def test_nothing_across_a_border_is_listed_unless_asked(self, filled: FlaskClient) -> None:
        page = filled.get("/clinics?place=Luxembourg").text
        assert 0 < page.count('class="clinic"') < 5
        assert "Across a border" not in page
        (farther,) = re.findall(r'href="(/clinics\?[^"#]*beyond=yes[^"#]*)', page)
        after = filled.get(farther.replace("&amp;", "&")).text
        assert after.count('class="clinic"') == 5
        assert "Across a border" in after
        (nearer,) = re.findall(r'href="(/clinics\?[^"#]*)#clinics">Only those near', after)
        assert "Across a border" not in filled.get(nearer.replace("&amp;", "&")).text

    def test_where_no_clinic_is_near_the_operator_s_way_stands_first(self, make_app: MakeApp) -> None:
        app = make_app(REFERRAL_TEXT="Go to the <nursing> station.", REFERRAL_PHONE="+1 867 555 0101")
        with app.app_context():
            directory.seed()
        client = app.test_client()
        near = client.get("/clinics?place=Whitehorse").text
        far = client.get("/clinics?place=Whitehorse&beyond=yes").text
        for page in (near, far):
            assert "Go to the &lt;nursing&gt; station." in page
            assert 'href="tel:+18675550101"' in page
            assert page.index("nursing") < page.index(
                "family doctor, or the nearest hospital" if page is near else "150 km"
            )
        assert 'class="clinic"' not in near
        assert 'class="map"' not in near
        assert far.index("nursing") < far.index('class="clinic"')
        assert "nursing" not in client.get("/clinics?place=Hamilton,+ON").text

    def test_what_was_typed_is_not_logged(self, filled: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level("DEBUG"):
            for text in ("10115", "SW1A 1AA", "K1A 0B1 Canary", "99999 Canary, Germany"):
                filled.get("/clinics", query_string={"place": text})
                filled.get("/api/v1/clinics", query_string={"place": text})
        said = " ".join(str(vars(record)) for record in caplog.records)
        assert not re.search(r"10115|SW1A|K1A|Canary|99999", said)

    def test_an_empty_directory_is_no_failure(self, client: FlaskClient) -> None:
        answer = client.get("/clinics?place=Hamilton,+ON")
        assert answer.status_code == 200
        assert "family doctor" in answer.text


class TestAbout:
    def test_it_says_what_it_is_and_is_not(self, client: FlaskClient) -> None:
        page = client.get("/about").text
        for words in ("not a medical device", "What it can&#39;t do", "Privacy", "Networks in use"):
            assert words in page or words.replace("&#39;", "'") in page

    def test_it_credits_whose_postcodes_it_reads_and_names_their_countries(self, client: FlaskClient) -> None:
        page = client.get("/about").text
        for words in (
            "Countries States Cities Database",
            "ODbL 1.0",
            "GeoNames",
            "KEMRI-Wellcome",
            "South Africa",
            "Japan",
        ):
            assert words in page

    def test_it_stays_up_while_the_networks_are_missing(self, make_app: MakeApp, tmp_path: Path) -> None:
        answer = make_app(MODELS_DIR=tmp_path / "nothing").test_client().get("/about")
        assert answer.status_code == 200
        assert "no figures to show" in answer.text


class TestErrors:
    def test_an_unknown_address_is_told_with_a_reference(self, client: FlaskClient) -> None:
        answer = client.get("/nothing-here")
        assert answer.status_code == 404
        assert answer.headers["X-Request-ID"] in answer.text

    def test_programs_are_told_in_json(self, client: FlaskClient) -> None:
        for path, headers in (("/nothing-here", SCRIPT), ("/api/nothing-here", {})):
            answer = client.get(path, headers=headers)
            assert set(answer.json) == {"code", "message", "request_id"}
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")

    def test_a_wrong_method_names_the_right_ones(self, client: FlaskClient) -> None:
        answer = client.delete("/about")
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"]

    def test_a_body_that_is_too_large_is_refused_by_its_length(self, make_app: MakeApp) -> None:
        client = make_app(MAX_UPLOAD_MB=1).test_client()
        answer = client.post("/", data=b"x" * 3_500_000, content_type="multipart/form-data; boundary=x", headers=SCRIPT)
        assert (answer.status_code, answer.json["code"]) == (413, "too_large")
        assert "at most 1 MB" in answer.json["message"]

    def test_too_many_parts_are_refused(self, client: FlaskClient) -> None:
        body = b"".join(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(200)) + b"--x--"
        answer = client.post("/", data=body, content_type="multipart/form-data; boundary=x", headers=SCRIPT)
        assert (answer.status_code, answer.json["code"]) == (413, "too_many_parts")

    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (RuntimeError("secret detail /srv/x"), 500, "internal_error"),
            (OperationalError("SELECT secret", {}, Exception("database is locked")), 503, "store_busy"),
            (OperationalError("SELECT secret", {}, Exception("database or disk is full")), 507, "storage_full"),
            (OperationalError("SELECT secret", {}, Exception("disk I/O error")), 503, "unavailable"),
            (OSError(errno.EIO, "Input/output error", "/srv/secret"), 503, "unavailable"),
            (OSError(errno.ENOSPC, "No space left on device", "/srv/secret"), 507, "storage_full"),
            (ModelUnusable("model_bad", "The network file secret.onnx does not match."), 503, "model_bad"),
        ],
    )
    def test_a_failure_of_ours_tells_no_details(
        self, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
    ) -> None:
        app = make_app(TESTING=False)

        def fail(_: str) -> None:
            raise error

        monkeypatch.setattr(images, "find", fail)
        client = app.test_client()
        answer = client.get("/r/" + "0" * 32, headers=SCRIPT)
        assert (answer.status_code, answer.json["code"]) == (status, code)
        page = client.get("/r/" + "0" * 32)
        assert page.status_code == status
        assert "secret" not in page.text + answer.text
        assert page.headers["X-Request-ID"] in page.text
        assert (status == 500) or ("Retry-After" in page.headers and "picture" not in answer.json["message"])

    def test_try_again_never_leads_to_another_host(self, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
        client = make_app(TESTING=False).test_client()
        for headers in ({"Referer": "http://evil.example/x"}, {"Referer": "http://localhost//evil.example"}):
            page = client.post("/", headers=headers)
            assert page.status_code == 403
            assert not re.search(r'href="(https?:)?//', page.text)


@pytest.mark.parametrize("path", ["/", "/clinics", "/about", "/nothing-here"])
def test_every_page_has_the_frame_that_assistive_software_needs(client: FlaskClient, path: str) -> None:
    page = client.get(path).text
    assert '<html lang="en">' in page
    assert 'class="skip-link" href="#main"' in page
    assert page.count("<h1") == 1
    assert page.count("<main") == 1
    assert "Research software, not a medical device." in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'<label[^>]* for="([^"]+)"', page):
        assert target in ids
