"""The files of the collection themselves, where it lies beside the project: what must come out of each."""

from pathlib import Path

import pytest

from imaging.errors import RefusedUpload
from imaging.files.decode import decode
from imaging.picture import Origin

FOLDER = Path(__file__).resolve().parents[5] / "shared" / "cases"
MOST = 25_000_000

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the collection (../shared/cases) is not here")

READ = {
    "03-dicom-display-tables-ignored/plain.dcm": 90.4,
    "03-dicom-display-tables-ignored/presentation-inverse.dcm": 90.4,
    "08-scale-that-no-breast-picture-has/region-in-mm.dcm": 127.9,
    "08-scale-that-no-breast-picture-has/spacing-1.dcm": 127.9,
    "09-cut-picture-without-offset/screen-with-region.dcm": 127.9,
    "11-dicom-compressions/extended-8-bit.dcm": 127.9,
    "11-dicom-compressions/j2k.dcm": 127.9,
    "11-dicom-compressions/jpeg-lossless-sv1.dcm": 127.9,
    "11-dicom-compressions/jpeg-ls.dcm": 127.9,
    "11-dicom-compressions/the-same-stream-labelled-baseline.dcm": 127.9,
    "11-dicom-compressions/the-same-stream.jpg": 127.9,
    "12-unusable-optional-tags-refuse-the-file/spacing-comma.dcm": 127.9,
    "12-unusable-optional-tags-refuse-the-file/window-0-0.dcm": 127.9,
    "12-unusable-optional-tags-refuse-the-file/window-12-bit.dcm": 127.9,
    "12-unusable-optional-tags-refuse-the-file/window-127-0.5.dcm": 127.9,
    "12-unusable-optional-tags-refuse-the-file/window-na.dcm": 127.9,
    "13-headers-that-contradict-in-known-ways/422-label-full-data.dcm": 127.9,
    "13-headers-that-contradict-in-known-ways/no-delimiter.dcm": 127.9,
    "13-headers-that-contradict-in-known-ways/says-2-frames-has-1.dcm": 127.9,
    "15-dicom-without-header/a.dcm.gz": 127.9,
    "15-dicom-without-header/no-preamble.dcm": 127.9,
    "16-few-bits-in-16/12-in-16.png": 127.9,
    "16-few-bits-in-16/8-in-16.png": 127.9,
    "17-alpha-zero-everywhere/alpha0.png": 127.9,
    "18-one-sentence-for-every-foreign-file/IMG_0001.HEIC": 127.9,
    "18-one-sentence-for-every-foreign-file/bigtiff.tif": 127.9,
    "18-one-sentence-for-every-foreign-file/a.jls": 127.9,
    "18-one-sentence-for-every-foreign-file/study.zip": 127.9,
    "20-half-pictures-both-ways/grey-bar.jpg": 127.9,
    "21-frame-that-happens-to-be-empty/middle-black.dcm": 127.9,
}
REFUSED = {
    "15-dicom-without-header/no_meta.dcm": ("not_ultrasound", "it is CT"),
    "18-one-sentence-for-every-foreign-file/12bit.jpg": ("unsupported_depth", "12 bits"),
    "18-one-sentence-for-every-foreign-file/clip.mp4": ("not_an_image", "a film"),
    "18-one-sentence-for-every-foreign-file/report.pdf": ("not_an_image", "a PDF"),
    "18-one-sentence-for-every-foreign-file/saved-login-page.jpg": ("not_an_image", "a web page"),
    "20-half-pictures-both-ways/progressive-30-percent.jpg": ("damaged_image", "breaks off"),
}
DECLINED = {
    "06-dicom-names-two-tissue-regions/two-regions.dcm": ("several_panels", "several pictures"),
    "07-other-organ-that-the-file-names/BodyPartExamined-HEART.dcm": ("other_organ", "heart"),
    "07-other-organ-that-the-file-names/heart-examples_ybr_color.dcm": ("other_organ", "heart"),
}


def read(name):
    return decode((FOLDER / name).read_bytes(), MOST)


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_with_the_greys_that_it_means(name):
    picture = read(name)
    assert picture.pixels.mean() == pytest.approx(READ[name], abs=0.5)
    assert picture.objection is None


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_by_its_name(name):
    with pytest.raises(RefusedUpload) as refusal:
        read(name)
    code, words = REFUSED[name]
    assert refusal.value.code == code
    assert words in refusal.value.sentence


@pytest.mark.parametrize("name", DECLINED)
def test_a_file_speaks_against_being_read(name):
    objection = read(name).objection
    code, words = DECLINED[name]
    assert objection is not None
    assert objection.code == code
    assert words in objection.sentence


def test_red_green_and_blue_are_no_green_and_violet():
    assert read("10-dicom-jpeg-in-rgb/SC_jpeg_no_color_transform.dcm").colour_share < 0.01


@pytest.mark.parametrize("name", ["region-in-mm.dcm", "spacing-1.dcm"])
def test_a_scale_that_no_breast_has_is_not_believed(name):
    picture = read(f"08-scale-that-no-breast-picture-has/{name}")
    assert picture.spacing is None
    assert any("not given in millimetres" in notice for notice in picture.notices)


def test_the_place_of_what_was_cut_out_is_kept():
    picture = read("09-cut-picture-without-offset/screen-with-region.dcm")
    assert picture.in_file == Origin(100, 150, 380, 448, 600, 800)


def test_half_a_bitmap_gets_a_notice():
    assert any("run of zeros" in notice for notice in read("20-half-pictures-both-ways/half-zeros.bmp").notices)


def test_a_region_of_one_pixel_is_left_out():
    picture = read("12-unusable-optional-tags-refuse-the-file/region-all-zero.dcm")
    assert (picture.in_file.file_height, picture.in_file.file_width) == (600, 800)
    assert any("ultrasound areas" in notice for notice in picture.notices)
