import numpy as np
import pytest
from pydicom.sequence import Sequence

from imaging.dicom.regions import BLANKED, CUT, SEVERAL
from imaging.dicom.scale import CONTRADICTING, NOT_SQUARE, STRETCHED
from imaging.files.decode import decode
from imaging.layout import margins
from tests.factories import pictures

MOST = 25_000_000
GREY = pictures.ultrasound(height=300, width=400)


def read(**tags):
    return decode(pictures.dicom(GREY, **tags), MOST)


def regions(*items):
    return {"SequenceOfUltrasoundRegions": Sequence(list(items))}


def test_the_tissue_region_is_cut_out_and_names_around_it_are_gone():
    picture = read(**regions(pictures.region(50, 40, 349, 289)))
    assert np.array_equal(picture.pixels, GREY[40:290, 50:350])
    assert picture.notices == (CUT,)


def test_a_region_that_is_the_whole_picture_changes_nothing():
    picture = read(**regions(pictures.region(0, 0, 399, 299)))
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == ()


def test_several_regions_stay_in_place_and_all_else_is_black():
    picture = read(**regions(pictures.region(0, 50, 189, 299), pictures.region(210, 50, 399, 299)))
    assert picture.in_file.top == 50  # the black above them is a margin
    assert np.array_equal(picture.pixels[:, :190], GREY[50:, :190])
    assert not picture.pixels[:, 190:210].any()
    assert picture.notices == (BLANKED, margins.CUT)
    assert picture.objection == SEVERAL


@pytest.mark.parametrize("corners", [(500, 500, 600, 600), (90, 90, 20, 20)])
def test_a_region_outside_of_the_picture_is_ignored(corners):
    assert np.array_equal(read(**regions(pictures.region(*corners))).pixels, GREY)


def test_a_region_that_is_no_tissue_is_ignored():
    picture = read(**regions(pictures.region(50, 40, 349, 289, kind=3)))
    assert picture.spacing is None
    assert picture.pixels.shape == GREY.shape


def test_centimetres_of_the_region_become_millimetres():
    spacing = read(**regions(pictures.region(0, 0, 399, 299, centimetres=0.007))).spacing
    assert spacing.mm_per_pixel == pytest.approx(0.07)
    assert "region" in spacing.source


def test_regions_of_different_scale_give_no_spacing():
    first, second = pictures.region(0, 0, 189, 299, 0.007), pictures.region(200, 0, 399, 299, 0.009)
    assert read(**regions(first, second)).spacing is None


def test_the_region_is_named_where_a_tag_agrees_and_neither_is_believed_where_it_does_not():
    tags = regions(pictures.region(0, 0, 399, 299, centimetres=0.007))
    agreed = read(PixelSpacing=["0.0701", "0.0701"], **tags)
    assert agreed.spacing.mm_per_pixel == pytest.approx(0.07)
    assert "region" in agreed.spacing.source
    contradicted = read(PixelSpacing=["0.2", "0.2"], **tags)
    assert contradicted.spacing is None
    assert contradicted.notices == (CONTRADICTING,)


@pytest.mark.parametrize(
    ("name", "words"),
    [("PixelSpacing", "Pixel Spacing"), ("ImagerPixelSpacing", "Imager"), ("NominalScannedPixelSpacing", "Nominal")],
)
def test_a_spacing_tag_is_read_and_named(name, words):
    spacing = read(**{name: ["0.1", "0.1"]}).spacing
    assert spacing.mm_per_pixel == pytest.approx(0.1)
    assert words in spacing.source


def test_pixels_that_are_not_square_are_made_so():
    picture = read(PixelSpacing=["0.1", "0.2"])
    assert picture.pixels.shape == (300, 800)
    assert picture.spacing.mm_per_pixel == pytest.approx(0.1)
    assert picture.notices == (STRETCHED,)
    assert (picture.in_file.height, picture.in_file.width) == (300, 400)


def test_pixels_that_are_far_from_square_give_no_spacing_but_a_notice():
    picture = read(PixelSpacing=["0.1", "0.5"])
    assert picture.spacing is None
    assert picture.pixels.shape == (300, 400)
    assert picture.notices == (NOT_SQUARE,)


@pytest.mark.parametrize("value", ["0", "-1", "50", "0.0001"])
def test_an_impossible_spacing_is_not_believed(value):
    assert read(PixelSpacing=[value, value]).spacing is None


def test_a_region_in_other_units_gives_no_spacing():
    item = pictures.region(0, 0, 399, 299)
    item.PhysicalUnitsXDirection = 4  # seconds: a trace, not a picture
    assert read(**regions(item)).spacing is None
