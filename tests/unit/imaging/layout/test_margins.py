"""Margins of any shade and side are cut, and where the rest lay in the file is kept."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imaging.files.decode import decode
from imaging.layout.margins import CUT, content_box, cut, pictures_on_paper
from imaging.picture import Origin, Picture
from imaging.preprocess import Grey
from tests.factories.pictures import encoded, ultrasound

IMAGE = ultrasound(5, "oval", 300, 400)
MOST = 25_000_000


def around(pixels: Grey, top: int, bottom: int, left: int, right: int, shade: int) -> Grey:
    return np.asarray(cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_CONSTANT, value=shade))


@pytest.mark.parametrize("shade", [0, 20, 60, 128, 200, 255])
@pytest.mark.parametrize("sides", [(24, 24, 24, 24), (0, 50, 0, 0), (0, 0, 90, 3), (12, 0, 0, 12)])
def test_01_a_margin_of_any_shade_and_side_is_cut(shade: int, sides: tuple[int, int, int, int]) -> None:
    found = cut(Picture(around(IMAGE, *sides, shade), "png"))
    top, bottom, left, _ = sides
    assert abs(found.height - IMAGE.shape[0]) <= 2
    assert abs(found.width - IMAGE.shape[1]) <= 2
    assert found.in_file.file_height == IMAGE.shape[0] + top + bottom
    assert abs(found.in_file.top - top) <= 2
    assert abs(found.in_file.left - left) <= 2
    assert found.notices == (CUT,)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_01_a_margin_that_a_jpeg_has_shaken_is_cut(shade: int) -> None:
    _, content = cv2.imencode(".jpg", around(IMAGE, 25, 25, 25, 25, shade), [cv2.IMWRITE_JPEG_QUALITY, 50])
    found = decode(content.tobytes(), MOST)
    assert abs(found.height - IMAGE.shape[0]) <= 12
    assert abs(found.width - IMAGE.shape[1]) <= 12


def test_01_margins_within_margins_are_cut_to_the_image() -> None:
    window = around(around(IMAGE, 8, 8, 8, 8, 0), 3, 3, 3, 3, 90)
    box = content_box(around(window, 40, 60, 30, 30, 255))
    assert (box.height, box.width) == IMAGE.shape
    assert (box.top, box.left) == (51, 41)


def test_01_the_image_on_a_page_with_text_is_found() -> None:
    page = np.full((900, 700), 250, np.uint8)
    page[200:500, 150:550] = IMAGE
    for line in range(560, 860, 30):
        cv2.putText(page, "findings of the examination", (80, line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 20, 1)
    found = decode(encoded(page), MOST)
    assert abs(found.in_file.top - 200) <= 4
    assert abs(found.in_file.left - 150) <= 4
    assert abs(found.height - 300) <= 8
    assert pictures_on_paper(page) == 1


def test_two_images_on_a_page_stay_and_are_counted() -> None:
    page = np.full((800, 600), 255, np.uint8)
    page[60:360, 100:500] = IMAGE
    page[420:720, 100:500] = IMAGE[:, ::-1]
    assert pictures_on_paper(page) == 2
    assert content_box(page).height > 600


def test_an_image_without_a_margin_stays_as_it_is() -> None:
    picture = Picture(IMAGE, "png")
    assert cut(picture) is picture


def test_what_would_be_too_small_stays() -> None:
    tiny = around(IMAGE[:60, :60], 60, 60, 60, 60, 255)
    assert cut(Picture(tiny, "png")).pixels.shape == tiny.shape


def test_a_black_or_white_file_is_left_to_the_gate() -> None:
    for shade in (0, 255):
        assert cut(Picture(np.full((200, 200), shade, np.uint8), "png")).pixels.shape == (200, 200)


def test_the_offset_adds_to_that_of_an_area_that_the_file_names() -> None:
    named = Picture(around(IMAGE, 10, 0, 20, 0, 255), "dicom", origin=Origin(100, 150, 310, 420, 600, 800))
    assert cut(named).in_file == Origin(110, 170, 300, 400, 600, 800)


@pytest.mark.parametrize("is_across", [True, False])
def test_a_picture_of_even_lines_to_its_end_is_all_content(is_across: bool) -> None:
    stripes = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
    box = content_box(stripes if is_across else np.ascontiguousarray(stripes.T))
    assert (box.top, box.left, box.bottom, box.right) == (0, 0, 128, 128)
