import numpy as np
import pytest

from imaging.errors import UnusablePicture
from imaging.gate.quality import check
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories import pictures


def objection(pixels, colour_share=0.0):
    with pytest.raises(UnusablePicture) as unusable:
        check(Picture(np.ascontiguousarray(pixels), "png", colour_share))
    assert unusable.value.sentence.endswith(".")
    return unusable.value.code


@pytest.mark.parametrize("lesion", [None, "oval", "irregular"])
@pytest.mark.parametrize("seed", range(6))
def test_ultrasound_is_kept(seed, lesion):
    assert check(Picture(speckle(seed, lesion), "png")) == ()


@pytest.mark.parametrize("size", [(110, 140), (375, 448), (900, 1200)])
def test_ultrasound_is_kept_at_any_size(size):
    assert check(Picture(speckle(4, "oval", *size), "png")) == ()


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_blank_pictures_are_declined(grey):
    assert objection(np.full((300, 400), grey, np.uint8)) == "blank"


def test_a_picture_with_next_to_no_contrast_is_declined():
    assert objection(100 + speckle(1, None) // 32) == "blank"


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_declined(seed):
    random = np.random.default_rng(seed)
    white = random.integers(0, 256, (300, 400)).astype(np.uint8)
    gaussian = np.clip(random.normal(128, 30, (300, 400)), 0, 255).astype(np.uint8)
    rayleigh = np.clip(random.rayleigh(40, (300, 400)), 0, 255).astype(np.uint8)
    assert [objection(pixels) for pixels in (white, gaussian, rayleigh)] == ["noise"] * 3


def test_colour_is_declined_and_a_coloured_mark_is_noticed():
    assert objection(speckle(1, "oval"), colour_share=0.08) == "colour"
    assert len(check(Picture(speckle(1, "oval"), "png", colour_share=0.01))) == 1


def test_a_page_of_text_is_declined():
    assert objection(pictures.text_page()) == "text"


def test_white_text_on_black_is_declined():
    assert objection(255 - pictures.text_page()) in {"text", "noise", "not_ultrasound"}


@pytest.mark.parametrize("seed", range(4))
def test_a_photo_in_grey_is_declined(seed):
    grey = pictures.photo(seed).mean(axis=2).astype(np.uint8)
    assert objection(grey) in {"not_ultrasound", "noise"}


def test_a_gradient_is_declined():
    ramp = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1))
    assert objection(ramp) == "not_ultrasound"
    assert objection(ramp[:, :300].T) == "not_ultrasound"


def test_ultrasound_on_its_side_is_declined():
    assert objection(np.rot90(speckle(3, "oval"))) == "not_ultrasound"


@pytest.mark.parametrize("gutter", [1, 3, 12])
def test_two_pictures_side_by_side_are_declined(gutter):
    left, right = speckle(1, "oval"), speckle(2, "irregular")
    black = np.zeros((left.shape[0], gutter), np.uint8)
    assert objection(np.hstack([left, black, right])) == "several_panels"


def test_four_pictures_in_a_square_are_declined():
    row = np.hstack([speckle(1, "oval"), np.zeros((375, 8), np.uint8), speckle(2, None)])
    assert objection(np.vstack([row, np.zeros((8, row.shape[1]), np.uint8), row])) == "several_panels"


def test_a_dark_shadow_from_top_to_bottom_is_no_panel():
    pixels = speckle(2, None)
    pixels[30:, 200:230] //= 20
    assert check(Picture(pixels, "png")) == ()


def test_a_scanners_whole_screen_is_kept():
    assert check(Picture(pictures.screenshot(speckle(3, "oval")), "png")) == ()
