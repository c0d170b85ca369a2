import pytest

from imaging.errors import RefusedUpload
from imaging.formats.validate import SMALLEST_SIDE_PX, check_size, kind_of
from tests.factories import pictures

MOST = 25_000_000


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("BMP", {}), ("TIFF", {}), ("GIF", {})]
)
def test_a_kind_is_told_by_content(kind, options):
    assert kind_of(pictures.encoded(pictures.ultrasound(), kind, **options)) == kind.lower()


def test_dicom_is_told_by_its_prefix():
    assert kind_of(pictures.dicom(pictures.ultrasound())) == "dicom"


def test_an_empty_file_is_refused():
    with pytest.raises(RefusedUpload) as refusal:
        kind_of(b"")
    assert (refusal.value.code, refusal.value.status) == ("empty_file", 422)
    assert refusal.value.sentence == "The file is empty."


@pytest.mark.parametrize(
    "content",
    [
        b"hello, this is text",
        b"%PDF-1.7 ...",
        b"PK\x03\x04 a zip",
        b"\x00\x00\x00\x18ftypmp42",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"8BPS\x00\x01",
        b"BM but no bitmap, only a text that begins so",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\x1f\x8b\x08 gzip",
    ],
)
def test_what_is_no_picture_is_refused_with_the_allowed_kinds(content):
    with pytest.raises(RefusedUpload) as refusal:
        kind_of(content)
    assert (refusal.value.code, refusal.value.status) == ("not_an_image", 415)
    for kind in ("PNG", "JPEG", "WebP", "BMP", "TIFF", "GIF", "DICOM"):
        assert kind in refusal.value.sentence


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<SVG></SVG>',
    ],
)
def test_svg_is_refused_by_name(content):
    with pytest.raises(RefusedUpload) as refusal:
        kind_of(content)
    assert (refusal.value.code, refusal.value.status) == ("svg_not_allowed", 415)


@pytest.mark.parametrize("start", [132, 132 + 12 + 180])
def test_dicom_is_told_without_its_preamble(start):
    assert kind_of(pictures.dicom(pictures.ultrasound())[132:]) == "dicom"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "avif"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "jpeg2000"),
        (b"\xff\x4f\xff\x51", "jpeg2000"),
        (b"\xff\xd8\xff\xf7\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0", "jpegls"),
        (b"II+\0\x08\0\0\0", "tiff"),
    ],
)
def test_a_newer_kind_is_told_by_content(content, kind):
    assert kind_of(content) == kind


def test_too_many_pixels_are_refused_with_the_limit():
    with pytest.raises(RefusedUpload) as refusal:
        check_size(5001, 5000, MOST)
    assert (refusal.value.code, refusal.value.status) == ("too_many_pixels", 413)
    assert "25 megapixels" in refusal.value.sentence
    check_size(5000, 5000, MOST)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8, 8), (95, 400)])
def test_too_small_pictures_are_refused_with_the_minimum(width, height):
    with pytest.raises(RefusedUpload) as refusal:
        check_size(width, height, MOST)
    assert (refusal.value.code, refusal.value.status) == ("too_small", 422)
    assert f"{SMALLEST_SIDE_PX} pixels" in refusal.value.sentence


def test_a_strip_is_refused_for_its_shape_with_the_minimum():
    with pytest.raises(RefusedUpload) as refusal:
        check_size(1, 10_000, MOST)
    assert (refusal.value.code, refusal.value.status) == ("odd_shape", 422)
    assert f"{SMALLEST_SIDE_PX} pixels" in refusal.value.sentence


def test_a_picture_without_any_pixel_is_refused():
    with pytest.raises(RefusedUpload):
        check_size(0, 0, MOST)
