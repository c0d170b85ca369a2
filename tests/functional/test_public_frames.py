"""A clip, or a file of several pictures: which frame was read, and the way to another, with and without a script."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image as Pillow

from tests.factories import pictures
from tests.functional.test_public_upload import image_of, send

Scan = Callable[..., bytes]
FRAMES = 5


def clip(frames: int = FRAMES) -> bytes:
    """A DICOM clip of as many different pictures."""
    whole = np.stack([pictures.ultrasound(seed, height=220, width=260) for seed in range(frames)])
    return pictures.dicom(whole, NumberOfFrames=frames)


def pages_of(kind: str) -> bytes:
    """A file of three different pictures."""
    first, *others = (Pillow.fromarray(pictures.ultrasound(seed, height=220, width=260)) for seed in range(3))
    buffer = io.BytesIO()
    first.save(buffer, kind, save_all=True, append_images=others)
    return buffer.getvalue()


def result_of(app: Flask, client: FlaskClient, content: bytes, **fields: str) -> str:
    return client.get(f"/r/{image_of(app, send(client, content, **fields)).id}").text


def part_of(page: str) -> str:
    """The part on frames; empty where there is none."""
    found = re.search(r'<section[^>]*aria-labelledby="frames-heading".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


class TestResult:
    def test_of_a_clip_it_says_which_frame_was_read_and_leads_to_its_neighbours(
        self, app: Flask, client: FlaskClient
    ) -> None:
        part = part_of(result_of(app, client, clip()))
        assert "Frame 3 of 5 was read" in part
        assert re.findall(r'href="([^"]+)"', part) == ["/?frame=2", "/?frame=4"]
        assert 'min="1"' in part
        assert 'max="5"' in part
        assert "not the file" in part

    @pytest.mark.parametrize(("frame", "links"), [("1", ["/?frame=2"]), ("5", ["/?frame=4"])])
    def test_a_clip_ends_on_both_sides(
        self, app: Flask, client: FlaskClient, frame: str, links: list[str]
    ) -> None:  # fmt: skip
        part = part_of(result_of(app, client, clip(), frame=frame))
        assert f"Frame {frame} of 5 was read" in part
        assert re.findall(r'href="([^"]+)"', part) == links

    @pytest.mark.parametrize("kind", ["TIFF", "GIF"])
    def test_files_that_do_not_tell_how_many_they_hold_promise_no_number(
        self, app: Flask, client: FlaskClient, kind: str
    ) -> None:
        part = part_of(result_of(app, client, pages_of(kind), frame="2"))
        assert "Frame 2 of several was read" in part
        assert re.findall(r'href="([^"]+)"', part) == ["/?frame=1", "/?frame=3"]
        assert "max=" not in part

    def test_a_declined_frame_leads_to_others_too(self, app: Flask, client: FlaskClient) -> None:
        page = result_of(app, client, pictures.dicom(np.zeros((4, 220, 260), np.uint8), NumberOfFrames=4))
        assert "This picture can&#39;t be used" in page
        assert "Frame 3 of 4 was read" in part_of(page)

    def test_a_lone_picture_has_no_such_part(self, app: Flask, client: FlaskClient, scan: Scan) -> None:
        assert part_of(result_of(app, client, scan())) == ""


class TestUploadForm:
    def test_the_address_fills_in_the_number_and_the_page_says_what_to_do(self, client: FlaskClient) -> None:
        page = client.get("/?frame=4").text
        assert "Frame 4 will be read: choose the same file again." in page
        assert re.search(r'<input[^>]*id="frame"[^>]*value="4"', page)
        assert "frame-field is-shown" in page

    @pytest.mark.parametrize("frame", ["", "0", "-1", "x", "1.5", "100001", "²", "9" * 5000, '"><b>'])
    def test_what_is_no_number_of_a_frame_is_passed_over(self, client: FlaskClient, frame: str) -> None:
        answer = client.get("/", query_string={"frame": frame})
        assert answer.status_code == 200
        assert "will be read:" not in answer.text
        assert "is-shown" not in answer.text

    def test_every_frame_of_a_file_gets_a_result_of_its_own(self, app: Flask, client: FlaskClient) -> None:
        content = pages_of("TIFF")
        found = [image_of(app, send(client, content, frame=str(number))) for number in (1, 2, 3)]
        assert [image.frame for image in found] == [0, 1, 2]
        assert len({image.picture_sha256 for image in found}) == 3

    @pytest.mark.parametrize("content", [clip(), pages_of("TIFF")], ids=["DICOM", "TIFF"])
    def test_a_frame_that_is_not_there_is_told_beside_its_field_which_keeps_it(
        self, client: FlaskClient, content: bytes
    ) -> None:
        answer = send(client, content, frame="9")
        assert answer.status_code == 422
        assert '<a href="#frame">' in answer.text
        assert re.search(r'<input[^>]*id="frame"[^>]*value="9"', answer.text)
        assert "frame-field is-shown" in answer.text
