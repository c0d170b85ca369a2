import numpy as np
import pytest

from imaging.files.decode import decode
from imaging.files.deidentify import BOTTOM_BLANKED, TOP_BLANKED, text_band_height, without_text_bands
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories import pictures

TISSUE = speckle(3, "oval")


def test_a_name_above_the_picture_is_blanked_and_that_is_said():
    picture = without_text_bands(Picture(pictures.screenshot(TISSUE), "png"))
    assert not picture.pixels[:40].any()
    assert not picture.pixels[-40:].any()
    assert picture.notices == (TOP_BLANKED, BOTTOM_BLANKED)


def test_the_tissue_between_the_bands_stays_as_it_was():
    picture = without_text_bands(Picture(pictures.screenshot(TISSUE), "png"))
    assert np.array_equal(picture.pixels[40:-40, 80:-80], TISSUE)


def test_the_decoder_blanks_text():
    picture = decode(pictures.encoded(pictures.screenshot(TISSUE)), 25_000_000)
    assert TOP_BLANKED in picture.notices
    assert abs(picture.in_file.top - 40) <= 2  # with the black that the text leaves, which is cut as a margin
    assert abs(picture.height - TISSUE.shape[0]) <= 4


@pytest.mark.parametrize("lesion", [None, "oval", "irregular"])
@pytest.mark.parametrize("seed", range(5))
def test_a_picture_without_text_is_left_alone(seed, lesion):
    picture = Picture(speckle(seed, lesion), "png")
    assert without_text_bands(picture) is picture


def test_a_black_band_without_text_is_left_alone():
    picture = Picture(np.vstack([np.zeros((50, TISSUE.shape[1]), np.uint8), TISSUE]), "png")
    assert without_text_bands(picture) is picture


def test_text_over_tissue_is_left_alone():
    pixels = TISSUE.copy()
    name = pictures.screenshot(TISSUE)[:40, : TISSUE.shape[1]]
    pixels[:40][name > 0] = name[name > 0]
    assert text_band_height(pixels) == 0


def test_dim_tissue_below_a_dark_edge_is_not_taken_for_text():
    pixels = (TISSUE.astype(np.float64) * np.linspace(0.0, 0.6, TISSUE.shape[0])[:, None]).astype(np.uint8)
    assert text_band_height(pixels) == 0


def test_a_black_picture_has_no_text_band():
    assert text_band_height(np.zeros((200, 300), np.uint8)) == 0
