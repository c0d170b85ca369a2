"""The JSON interface: upload, read, delete, as a program does it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image as Pillow
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from app.reading import layers
from app.tables import Image
from app.web.extensions import db
from app.workers import tasks
from app.workers.services import services
from app.workers.turns import crowd

Scan = Callable[..., bytes]
IMAGES = "/api/v1/studies"
SECRET = "8c1e6a55-0f6f-4d6c-9a3e-4b1d7f20c9aa"  # a key as a client makes it that follows our advice


def send(client: FlaskClient, content: bytes, key: str | None = None, **fields: str) -> TestResponse:
    headers = {"Idempotency-Key": key} if key else {}
    file = FileStorage(io.BytesIO(content), "picture.png")
    boundary, body = encode_multipart({"file": file, **fields})
    return client.post(IMAGES, data=body, content_type=f"multipart/form-data; boundary={boundary}", headers=headers)


def count_images(app: Flask) -> int:
    with app.app_context():
        return db.session.query(Image).count()


def kept_files(app: Flask) -> list[Path]:
    with app.app_context():
        return [path for path in services().store.root.rglob("*") if path.is_file()]


class TestUpload:
    def test_an_upload_is_answered_with_the_whole_image(self, client: FlaskClient, scan: Scan) -> None:
        answer = send(client, scan())
        assert answer.status_code == 201, answer.json
        image = answer.json
        assert answer.headers["Location"] == f"{IMAGES}/{image['id']}"
        assert (image["status"], image["reason"], image["provider"]) == ("done", None, "CPU")
        assert sum(image["probabilities"].values()) == pytest.approx(1.0)
        assert image["label"] == max(image["probabilities"], key=image["probabilities"].get)
        assert {"decode", "segment", "classify"} <= set(image["milliseconds"])
        assert image["picture"] == {
            "kind": "png", "height": 220, "width": 260, "frame": 0, "frames": 1, "offset": {"top": 0, "left": 0},
            "part": {"height": 220, "width": 260}, "file": {"height": 220, "width": 260},
        }  # fmt: skip
        assert "not a medical device" in image["disclaimer"]

    def test_the_image_can_be_read_again_at_its_location(self, client: FlaskClient, scan: Scan) -> None:
        answer = send(client, scan())
        again = client.get(answer.headers["Location"])
        assert again.json == answer.json
        assert "Retry-After" not in {**answer.headers, **again.headers}

    def test_no_token_and_no_cookie_is_asked_for_or_given(self, client: FlaskClient, scan: Scan) -> None:
        assert "Set-Cookie" not in send(client, scan()).headers

    def test_an_upload_that_has_to_wait_is_accepted_and_found_later(
        self, make_app: Callable[..., Flask], scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = make_app(WAIT_S=0)
        monkeypatch.setattr(app.extensions["sonotriage"].worker, "wake", lambda has_queued=False: None)
        client = app.test_client()
        answer = send(client, scan())
        assert (answer.status_code, answer.json["status"]) == (202, "queued")
        assert answer.json["links"]["mask"] is None
        later = client.get(answer.headers["Location"])
        assert later.json["status"] == "queued"
        assert answer.headers["Retry-After"] == later.headers["Retry-After"] == "1"

    def test_only_half_of_the_server_s_threads_wait_for_answers(
        self, make_app: Callable[..., Flask], scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = make_app(WEB_THREADS=4, WAIT_S=60)
        monkeypatch.setattr(app.extensions["sonotriage"].worker, "wake", lambda has_queued=False: None)
        with crowd.joined(9), crowd.joined(9):
            assert send(app.test_client(), scan()).status_code == 202
            assert crowd.size == 2

    def test_an_image_under_analysis_is_reported_as_queued(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        image_id = send(client, scan()).json["id"]
        with app.app_context():
            db.session.get_one(Image, image_id).status = "running"
            db.session.commit()
        assert client.get(f"{IMAGES}/{image_id}").json["status"] == "queued"

    def test_a_picture_that_is_no_scan_is_declined_with_its_reason(self, client: FlaskClient) -> None:
        buffer = io.BytesIO()
        Pillow.fromarray(np.zeros((200, 200), np.uint8)).save(buffer, "PNG")
        answer = send(client, buffer.getvalue())
        assert (answer.status_code, answer.json["status"], answer.json["category"]) == (201, "declined", "declined")
        assert answer.json["reason"]["code"]
        assert answer.json["reason"]["sentence"].endswith(".")
        assert answer.json["probabilities"] is None
        assert client.get(f"{IMAGES}/{answer.json['id']}/mask.png").json["code"] == "no_picture"

    def test_a_place_and_coordinates_are_kept_with_the_image(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        image_id = send(client, scan(), latitude="43.25551", longitude="-79.871").json["id"]
        with app.app_context():
            image = db.session.get_one(Image, image_id)
            assert (image.latitude, image.longitude) == (43.256, -79.871)


class TestIdempotency:
    def test_the_same_file_with_the_same_key_is_one_image(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        first, second = send(client, scan(), "key-1"), send(client, scan(), "key-1")
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json == second.json
        assert count_images(app) == 1

    def test_another_file_with_the_same_secret_key_is_refused(
        self, app: Flask, client: FlaskClient, scan: Scan
    ) -> None:
        send(client, scan(1), SECRET)
        answer = send(client, scan(2), SECRET)
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency_mismatch")
        assert count_images(app) == 1

    def test_another_file_with_a_key_that_two_may_choose_is_another_image(
        self, app: Flask, client: FlaskClient, scan: Scan
    ) -> None:
        first, second = send(client, scan(1), "1"), send(client, scan(2), "1")
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json["id"] != second.json["id"]
        assert count_images(app) == 2

    def test_the_same_file_with_another_key_is_another_image(self, client: FlaskClient, scan: Scan) -> None:
        assert send(client, scan(), "key-1").json["id"] != send(client, scan(), "key-2").json["id"]

    def test_the_same_key_from_another_address_is_somebody_else(self, app: Flask, scan: Scan) -> None:
        ids = set()
        for address in ("192.0.2.1", "192.0.2.2"):
            client = app.test_client()
            client.environ_base["REMOTE_ADDR"] = address
            ids.add(send(client, scan(), "key-1").json["id"])
        assert len(ids) == 2

    def test_uploads_without_a_key_are_images_of_their_own_and_get_a_key(self, client: FlaskClient, scan: Scan) -> None:
        first, second = send(client, scan()), send(client, scan())
        assert first.json["id"] != second.json["id"]
        again = send(client, scan(), first.headers["Idempotency-Key"])
        assert again.json["id"] == first.json["id"]

    @pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 129])
    def test_a_key_that_is_no_visible_text_is_refused(self, client: FlaskClient, scan: Scan, key: str) -> None:
        answer = client.post(
            IMAGES,
            data={"file": (io.BytesIO(scan()), "a.png")},
            headers=[("Idempotency-Key", key.encode("utf-8").decode("latin-1"))],
        )
        assert (answer.status_code, answer.json["code"]) == (422, "bad_field")


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({}, 400, "no_file"),
            ({"picture": (io.BytesIO(b"x"), "a.png")}, 400, "no_file"),
            ({"file": [(io.BytesIO(b"x"), "a.png"), (io.BytesIO(b"y"), "b.png")]}, 400, "one_file_only"),
            ({"file": (io.BytesIO(b""), "a.png")}, 422, "empty_file"),
            ({"file": (io.BytesIO(b"hello, I am a text"), "a.png")}, 415, "not_an_image"),
        ],
    )
    def test_what_is_no_single_picture_is_refused_and_leaves_nothing(
        self, app: Flask, client: FlaskClient, fields: dict[str, object], status: int, code: str
    ) -> None:
        answer = client.post(IMAGES, data=fields, content_type="multipart/form-data")
        assert (answer.status_code, answer.json["code"]) == (status, code)
        assert set(answer.json) == {"code", "message", "request_id"}
        assert answer.json["request_id"] == answer.headers["X-Request-ID"]
        assert (count_images(app), kept_files(app)) == (0, [])

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"latitude": "north"}, 422, "bad_field"),
            ({"latitude": "91", "longitude": "0"}, 422, "bad_field"),
            ({"latitude": "nan", "longitude": "0"}, 422, "bad_field"),
            ({"latitude": "47"}, 400, "bad_point"),
            ({"frame": "-1"}, 422, "bad_field"),
            ({"place": "x" * 201}, 400, "place_too_long"),
            ({"place": "x" * 1_000_000}, 400, "place_too_long"),
            ({"place": "qqqqzz no such place"}, 422, "unknown_place"),
        ],
    )
    def test_a_field_that_makes_no_sense_is_refused_before_the_picture_is_kept(
        self, app: Flask, client: FlaskClient, scan: Scan, fields: dict[str, str], status: int, code: str
    ) -> None:
        answer = send(client, scan(), **fields)
        assert (answer.status_code, answer.json["code"]) == (status, code)
        assert (count_images(app), kept_files(app)) == (0, [])

    def test_a_place_that_may_be_several_is_asked_back(self, client: FlaskClient, scan: Scan) -> None:
        answer = send(client, scan(), place="Springfield")
        assert (answer.status_code, answer.json["code"]) == (422, "ambiguous_place")
        assert len(answer.json["matches"]) > 1
        assert {"label", "latitude", "longitude", "country", "is_approximate"} == set(answer.json["matches"][0])

    def test_a_full_queue_is_told_with_the_time_to_wait(
        self, make_app: Callable[..., Flask], scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = make_app(QUEUE_LIMIT=1, WAIT_S=0)
        monkeypatch.setattr(app.extensions["sonotriage"].worker, "wake", lambda has_queued=False: None)
        client = app.test_client()
        assert send(client, scan(1)).status_code == 202
        answer = send(client, scan(2))
        assert (answer.status_code, answer.json["code"]) == (503, "queue_full")
        assert answer.headers["Retry-After"] == "10"

    def test_an_upload_above_the_limit_is_refused_by_its_length(self, make_app: Callable[..., Flask]) -> None:
        client = make_app(MAX_UPLOAD_MB=1).test_client()
        answer = client.post(
            IMAGES, data=b"--x", content_type="multipart/form-data; boundary=x",
            environ_overrides={"CONTENT_LENGTH": "10000000000"},
        )  # fmt: skip
        assert (answer.status_code, answer.json["code"]) == (413, "too_large")

    def test_too_many_parts_are_told_apart_from_a_large_file(self, client: FlaskClient) -> None:
        answer = client.post(
            IMAGES, data={f"field{number}": "x" for number in range(500)}, content_type="multipart/form-data"
        )
        assert (answer.status_code, answer.json["code"]) == (413, "too_many_parts")

    def test_too_many_uploads_in_a_minute_are_slowed_down(self, make_app: Callable[..., Flask], scan: Scan) -> None:
        client = make_app(UPLOADS_PER_MINUTE=2).test_client()
        answers = [client.post(IMAGES) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [400, 400, 429]
        assert answers[2].json["code"] == "rate_limited"
        assert int(answers[2].headers["Retry-After"]) > 0

    def test_unknown_addresses_and_methods_are_refused_in_the_same_shape(self, client: FlaskClient) -> None:
        for answer, status, code in (
            (client.get("/api/v1/nothing"), 404, "not_found"),
            (client.get(f"{IMAGES}/{'0' * 32}"), 404, "unknown_study"),
            (client.get(f"{IMAGES}/..%2f..%2fetc"), 404, "not_found"),
            (client.put(IMAGES), 405, "method_not_allowed"),
        ):
            assert (answer.status_code, answer.json["code"]) == (status, code)
            assert set(answer.json) == {"code", "message", "request_id"}

    def test_a_fault_of_ours_is_told_without_details(
        self, make_app: Callable[..., Flask], scan: Scan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = make_app(TESTING=False)

        def fail(*_: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(app.extensions["sonotriage"].decoder, "decode", fail)
        answer = send(app.test_client(), scan())
        assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
        assert "secret" not in answer.text

    def test_a_field_that_comes_twice_is_refused(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        file = FileStorage(io.BytesIO(scan()), "picture.png")
        answer = client.post(IMAGES, data={"file": file, "frame": ["0", "1"]})
        assert (answer.status_code, answer.json["code"]) == (422, "bad_field")
        assert count_images(app) == 0


class TestPictures:
    def test_the_mask_has_the_size_of_the_picture_and_two_values(self, client: FlaskClient, scan: Scan) -> None:
        image = send(client, scan()).json
        answer = client.get(image["links"]["mask"])
        assert answer.mimetype == "image/png"
        with Pillow.open(io.BytesIO(answer.data)) as picture:
            mask = np.asarray(picture)
        assert mask.shape == (220, 260)
        assert set(np.unique(mask)) <= {0, 255}
        assert int((mask == 255).sum()) >= (image["lesion"] or {"area_px": 0})["area_px"]

    def test_the_overlay_shows_the_picture_in_colour(self, client: FlaskClient, scan: Scan) -> None:
        image = send(client, scan()).json
        with Pillow.open(io.BytesIO(client.get(image["links"]["overlay"]).data)) as picture:
            assert (picture.size, picture.mode) == ((260, 220), "RGB")

    @pytest.mark.parametrize("name", ["mask", "overlay"])
    def test_an_unchanged_picture_is_neither_drawn_nor_sent_twice(
        self, client: FlaskClient, scan: Scan, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        address = send(client, scan()).json["links"][name]
        tag = client.get(address).headers["ETag"]
        monkeypatch.delattr(layers, "png")
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 304

    def test_the_full_size_is_asked_for_by_name(self, client: FlaskClient, scan: Scan) -> None:
        address = send(client, scan()).json["links"]["overlay"]
        shown, full = client.get(address), client.get(f"{address}?size=full")
        assert shown.data == full.data  # of a picture that is small already
        assert shown.headers["ETag"] != full.headers["ETag"]
        assert client.get(f"{address}?size=huge").json["code"] == "bad_field"

    def test_a_lost_file_is_told_as_missing(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        image = send(client, scan()).json
        for path in kept_files(app):
            path.unlink()
        assert client.get(image["links"]["overlay"]).json["code"] == "no_picture"


class TestDeletion:
    def test_whoever_sent_an_image_may_delete_it_with_all_its_files(
        self, app: Flask, client: FlaskClient, scan: Scan
    ) -> None:
        sent = send(client, scan(), "key-1")
        image = sent.json
        answer = client.delete(f"{IMAGES}/{image['id']}", headers={"Delete-Token": sent.headers["Delete-Token"]})
        assert (answer.status_code, answer.data) == (204, b"")
        assert client.get(f"{IMAGES}/{image['id']}").status_code == 404
        assert (count_images(app), kept_files(app)) == (0, [])

    def test_a_secret_key_deletes_as_well(self, client: FlaskClient, scan: Scan) -> None:
        image = send(client, scan(), SECRET).json
        assert client.delete(f"{IMAGES}/{image['id']}", headers={"Idempotency-Key": SECRET}).status_code == 204

    def test_the_token_of_one_image_deletes_no_other(self, client: FlaskClient, scan: Scan) -> None:
        one, other = send(client, scan(1)), send(client, scan(2))
        headers = {"Delete-Token": one.headers["Delete-Token"]}
        assert client.delete(f"{IMAGES}/{other.json['id']}", headers=headers).status_code == 403

    def test_the_token_counts_from_any_address(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        sent = send(client, scan())
        moved = app.test_client()
        moved.environ_base["REMOTE_ADDR"] = "192.0.2.9"
        headers = {"Delete-Token": sent.headers["Delete-Token"]}
        assert moved.delete(f"{IMAGES}/{sent.json['id']}", headers=headers).status_code == 204

    def test_whoever_repeats_a_key_that_two_may_choose_is_not_told_the_token(
        self, client: FlaskClient, scan: Scan
    ) -> None:
        assert "Delete-Token" in send(client, scan(), "1").headers
        assert "Delete-Token" not in send(client, scan(), "1").headers

    def test_whoever_repeats_a_secret_key_is_told_the_token_again(self, client: FlaskClient, scan: Scan) -> None:
        first, again = send(client, scan(), SECRET), send(client, scan(), SECRET)
        assert first.headers["Delete-Token"] == again.headers["Delete-Token"]

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Idempotency-Key": "key-2"},
            {"Idempotency-Key": "key-1"},
            {"Idempotency-Key": SECRET},
            {"Delete-Token": "x"},
        ],
    )
    def test_nobody_else_may(self, client: FlaskClient, scan: Scan, headers: dict[str, str]) -> None:
        image = send(client, scan(), "key-1").json
        answer = client.delete(f"{IMAGES}/{image['id']}", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "not_owner")
        assert client.get(f"{IMAGES}/{image['id']}").status_code == 200


class TestLinks:
    def test_the_description_leads_from_an_upload_to_its_image_and_to_its_deletion(
        self, client: FlaskClient, scan: Scan
    ) -> None:
        described = client.get("/api/v1/openapi.json").json
        answer = send(client, scan())
        links = described["paths"][IMAGES]["post"]["responses"]["201"]["links"]
        order = ("read", "mask", "overlay", "delete")
        assert set(links) == set(order)
        assert [follow(client, described, links[name], answer) for name in order] == [200, 200, 200, 204]


def follow(client: FlaskClient, described: dict, link: dict, answer: TestResponse) -> int:
    """Status of the call that a link of an answer leads to, which must be a described one."""
    escaped, method = link["operationRef"].removeprefix("#/paths/").split("/")
    path = escaped.replace("~1", "/")
    assert method in described["paths"][path]
    headers = {"Delete-Token": answer.headers["Delete-Token"]} if len(link["parameters"]) > 1 else {}
    assert link["parameters"]["path.study_id"] == "$response.body#/id"
    address = path.replace("{study_id}", answer.json["id"])
    return client.open(address, method=method.upper(), headers=headers).status_code


def test_a_row_that_nobody_announced_is_read_though_others_keep_the_worker_busy(
    make_app: Callable[..., Flask], scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(WAIT_S=0)
    worker = app.extensions["sonotriage"].worker
    with monkeypatch.context() as asleep:
        asleep.setattr(worker, "wake", lambda has_queued=False: None)
        image_id = send(app.test_client(), scan()).json["id"]
    monkeypatch.setattr(tasks, "LOOK_S", 0.05)
    monkeypatch.setattr(worker, "_read_offered", lambda: time.sleep(0.01) or 1)
    worker._has_queued = False
    worker.start()
    with app.app_context():
        assert tasks.wait(image_id, 20)
