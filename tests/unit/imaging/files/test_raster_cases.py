"""Pictures that people really have, made here by code. The number of each is that of its kind in the collection."""

import gzip
import io
import struct
import zipfile

import numpy as np
import openjpeg
import pytest
from jpeg_ls import encode_array
from PIL import Image

from imaging.errors import RefusedUpload
from imaging.files.decode import decode
from imaging.files.packed import ONE_OF_ZIP
from imaging.formats.raster import EMPTY_END, FIRST_FRAME
from imaging.layout.margins import CUT
from tests.factories import pictures
from tests.factories.streams import HEIC, HTJ2K_GREY, RAMP, lossless_jpeg

MOST = 25_000_000
GREY = pictures.ultrasound(height=300, width=400)
BLACK = np.zeros_like(GREY)


def read(content, frame=None):
    return decode(content, MOST, frame)


def refusal_of(content):
    with pytest.raises(RefusedUpload) as refusal:
        decode(content, MOST)
    return refusal.value


# 11: a bare stream


def test_11_a_bare_lossless_jpeg_is_read():
    assert np.array_equal(read(lossless_jpeg(GREY)).pixels, GREY)


# 16: few bits in 16


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_16_few_bits_in_16_are_read_as_so_many(kind, bits):
    picture = read(pictures.encoded(GREY.astype(np.uint16) << (bits - 8), kind))
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == (f"The picture uses only {bits} of its 16 bits, and its greys were read so.",)


def test_16_all_bits_are_read_without_a_word():
    picture = read(pictures.encoded(GREY.astype(np.uint16) * 257))
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == ()


@pytest.mark.parametrize("factor", [1, 257])
def test_16_a_tiff_whose_zero_is_white_is_turned(factor):
    # Pillow turns 8 bits when it writes them so.
    stored = GREY if factor == 1 else (255 - GREY).astype(np.uint16) * 257
    assert np.array_equal(read(pictures.encoded(stored, "TIFF", tiffinfo={262: 0})).pixels, GREY)


# 17: alpha that is 0 everywhere


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_17_an_alpha_of_0_everywhere_is_none(kind):
    pixels = np.dstack([GREY, GREY, GREY, BLACK])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert np.array_equal(read(pictures.encoded(pixels, kind, **options)).pixels, GREY)


def test_17_grey_with_an_alpha_of_0_everywhere_is_read():
    assert np.array_equal(read(pictures.encoded(Image.fromarray(np.dstack([GREY, BLACK]), "LA"))).pixels, GREY)


def test_17_an_alpha_that_is_used_still_counts():
    alpha = np.full_like(GREY, 255)
    alpha[:100] = 0
    picture = read(pictures.encoded(np.dstack([GREY, GREY, GREY, alpha])))
    assert picture.in_file.top == 100  # what is transparent is black, and cut as a margin
    assert np.array_equal(picture.pixels, GREY[100:])


# 18: kinds that are read, and kinds that are named


def test_18_heic_is_read_and_each_of_its_pictures_by_number():
    picture = read(HEIC)
    assert (picture.kind, picture.frame, picture.frames) == ("heic", 0, 2)
    assert np.abs(picture.pixels.astype(int) - RAMP).max() <= 3
    assert np.abs(read(HEIC, frame=1).pixels.astype(int) - (255 - RAMP)).max() <= 3


def test_18_avif_is_read():
    picture = read(pictures.encoded(pictures.colour(GREY), "AVIF", quality=95))
    assert picture.kind == "avif"
    assert np.abs(picture.pixels.astype(int) - GREY).mean() < 3


@pytest.mark.parametrize("is_boxed", [True, False])
def test_18_jpeg_2000_is_read(is_boxed):
    content = pictures.encoded(GREY, "JPEG2000") if is_boxed else openjpeg.encode(GREY, photometric_interpretation=2)
    picture = read(content)
    assert picture.kind == "jpeg2000"
    assert np.array_equal(picture.pixels, GREY)


@pytest.mark.parametrize("is_boxed", [True, False])
def test_18_high_throughput_jpeg_2000_is_read(is_boxed):
    picture = read(jph(HTJ2K_GREY, RAMP.shape) if is_boxed else HTJ2K_GREY)
    assert picture.kind == "jpeg2000"
    assert np.array_equal(picture.pixels, RAMP)


def jph(stream, size):
    """A codestream in the boxes of a JPH file (ITU-T T.814, annex D)."""

    def box(name, body):
        return struct.pack(">I", len(body) + 8) + name + body

    header = box(b"ihdr", struct.pack(">IIHBBBB", *size, 1, 7, 7, 0, 0)) + box(
        b"colr", b"\1\0\0" + struct.pack(">I", 17)
    )
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jph \0\0\0\0jph ")
    return start + box(b"jp2h", header) + box(b"jp2c", stream)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_18_big_tiff_is_read(kind):
    content = pictures.encoded(GREY, "TIFF", big_tiff=True)
    assert content.startswith((b"II+\0", b"MM\0+"))
    assert np.array_equal(read(content).pixels, GREY)


def test_18_jpeg_ls_is_read():
    picture = read(bytes(encode_array(GREY)))
    assert picture.kind == "jpegls"
    assert np.array_equal(picture.pixels, GREY)
    deep = read(bytes(encode_array(GREY.astype(np.uint16) << 4)))
    assert np.abs(deep.pixels.astype(int) - GREY).max() <= 1


def test_18_a_jpeg_of_12_bits_has_its_own_sentence():
    jpeg = pictures.encoded(GREY, "JPEG").replace(b"\xff\xc0\x00\x0b\x08", b"\xff\xc1\x00\x0b\x0c")
    found = refusal_of(jpeg)
    assert (found.code, found.status) == ("unsupported_depth", 422)
    assert found.sentence == "This JPEG has 12 bits a colour. Export it with 8 bits, as PNG or as JPEG."


def archive(*members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def test_18_the_one_picture_of_a_zip_is_read():
    content = archive(
        ("study/", b""),
        ("study/DICOMDIR", pictures.dicom(GREY)),
        ("study/IM0001", pictures.dicom(GREY)),
        ("readme.txt", b"words"),
        ("__MACOSX/._IM0001", pictures.encoded(GREY)),
    )
    picture = read(content)
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == (ONE_OF_ZIP,)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("a.png", pictures.encoded(GREY)), ("b.png", pictures.encoded(GREY))], "a ZIP archive of 2 pictures"),
        ([("../a.png", pictures.encoded(GREY))], "lead out of it"),
        ([("/etc/a.png", pictures.encoded(GREY))], "lead out of it"),
        ([("readme.txt", b"words")], "without a picture"),
        ([("inner.zip", archive(("a.png", pictures.encoded(GREY))))], "without a picture"),
        ([(f"{number}.txt", b"") for number in range(1001)], "very many files"),
    ],
)
def test_18_any_other_zip_is_named_with_the_way_out(members, words):
    found = refusal_of(archive(*members))
    assert (found.code, found.status) == ("not_an_image", 415)
    assert words in found.sentence
    assert "Unpack it" in found.sentence


def test_18_a_bomb_of_either_kind_is_not_unpacked():
    bomb = b"\x89PNG\r\n\x1a\n" + bytes(120_000_000)
    for packed in (gzip.compress(bomb), archive(("a.png", bomb))):
        assert (refusal_of(packed).code, refusal_of(packed).status) == ("too_many_pixels", 413)


def test_18_a_packed_file_that_breaks_off_is_damaged():
    for packed in (gzip.compress(pictures.encoded(GREY)), archive(("a.png", pictures.encoded(GREY)))):
        assert refusal_of(packed[: len(packed) // 2]).code == "damaged_image"


def test_18_what_gzip_holds_is_read():
    assert np.array_equal(read(gzip.compress(pictures.encoded(GREY))).pixels, GREY)


def pdf(count):
    """What a PDF of so many pictures looks like to who only counts them; each has a mask, as transparent ones have."""
    picture = b"%d 0 obj <</Type/XObject /Subtype /Image /SMask %d 0 R /Width 9>> stream\n\xff\xd8 endstream endobj\n"
    mask = b"%d 0 obj <</Type/XObject/Subtype/Image/Width 9>> stream\n\0 endstream endobj\n"
    parts = [picture % (number, number + 50) + mask % (number + 50) for number in range(1, count + 1)]
    return b"%PDF-1.7\n" + b"".join(parts) + b"%%EOF"


FOREIGN = {
    "a PDF": (b"%PDF-1.7\n1 0 obj\n", "This is a PDF. Send the picture that is in it"),
    "a PDF of one picture": (pdf(1), "This is a PDF that holds one picture"),
    "a PDF of three pictures": (pdf(3), "This is a PDF that holds 3 pictures"),
    "an MP4": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(99), "This is a film. Export one still"),
    "a QuickTime film": (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(99), "This is a film."),
    "an AVI": (b"RIFF\0\0\0\0AVI LIST" + bytes(99), "This is a film."),
    "a saved page": (b"<!DOCTYPE html><html><body><svg></svg>Log in</body></html>", "This is a web page"),
    "NIfTI": (b"\x5c\x01\0\0" + bytes(340) + b"n+1\0", "NIfTI"),
    "JPEG XL": (b"\xff\x0a" + bytes(99), "The free GIMP opens it"),
    "RAR": (b"Rar!\x1a\x07\x01\0" + bytes(99), "This is a packed archive. Unpack it"),
    "TAR": (bytes(257) + b"ustar\0" + bytes(250), "This is a packed archive. Unpack it"),
    "a text": (b"nothing but words\n" * 9, "This is a text"),
    "a document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "Office"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_18_each_foreign_kind_has_its_own_sentence(name):
    content, words = FOREIGN[name]
    found = refusal_of(content)
    assert (found.code, found.status) == ("not_an_image", 415)
    assert words in found.sentence
    assert "PNG, JPEG" in found.sentence


def test_18_a_film_and_a_pdf_name_free_programs():
    assert "VLC" in refusal_of(FOREIGN["an MP4"][0]).sentence
    assert "LibreOffice Draw" in refusal_of(pdf(1)).sentence


def test_18_an_office_document_is_told_from_an_archive():
    document = archive(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:document/>"))
    assert "This is an Office document" in refusal_of(document).sentence


def test_18_a_disc_in_an_archive_names_a_viewer():
    found = refusal_of(archive(("DICOMDIR", b"x"), *((f"IM{number}", pictures.dicom(GREY)) for number in range(3))))
    assert "a ZIP archive of 3 pictures" in found.sentence
    assert "Weasis" in found.sentence


def test_18_a_drawing_is_still_named():
    assert refusal_of(b'<svg xmlns="http://www.w3.org/2000/svg"></svg>').code == "svg_not_allowed"


# 20: half pictures


def test_20_a_grey_bar_at_the_lower_edge_is_no_damage():
    bar = np.full((16, 400), 128, np.uint8)
    picture = read(pictures.encoded(np.concatenate([GREY, bar]), "JPEG", quality=95))
    assert picture.in_file.file_height == 316
    assert abs(picture.height - 300) <= 8  # the bar is a margin


@pytest.mark.parametrize("progressive", [True, False])
@pytest.mark.parametrize("ending", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_20_a_jpeg_that_breaks_off_is_damaged(progressive, ending, share):
    whole = pictures.encoded(GREY, "JPEG", quality=90, progressive=progressive)
    assert refusal_of(whole[: int(len(whole) * share)] + ending).code == "damaged_image"


def test_20_a_progressive_jpeg_that_ends_between_two_scans_is_damaged():
    whole = pictures.encoded(GREY, "JPEG", quality=90, progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    assert refusal_of(whole[:last_scan] + b"\xff\xd9").code == "damaged_image"


@pytest.mark.parametrize("tail", [b"", b"\0\0", b"trailing words"])
@pytest.mark.parametrize("progressive", [True, False])
def test_20_a_whole_jpeg_is_read_whatever_follows(tail, progressive):
    assert read(pictures.encoded(GREY, "JPEG", progressive=progressive) + tail).pixels.shape == GREY.shape


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_20_a_file_that_ends_in_zeros_gets_a_notice(kind):
    whole = pictures.encoded(GREY, kind)
    start = whole.index(GREY[:1].tobytes()) if kind == "TIFF" else len(whole) - GREY.size
    half = bytearray(whole)
    half[start + GREY.size // 2 : start + GREY.size] = bytes(GREY.size - GREY.size // 2)
    assert read(bytes(half)).notices == (EMPTY_END, CUT)
    assert read(whole).notices == ()


# 21: empty pictures in front


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG"])
def test_21_an_empty_first_picture_is_passed_over(kind):
    content = pictures.encoded(BLACK, kind, save_all=True, append_images=[Image.fromarray(GREY)])
    picture = read(content)
    assert picture.frame == 1
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == ("The file holds several pictures; number 2 was read, the first that shows something.",)


def test_21_a_thumbnail_in_front_is_passed_over():
    small = Image.fromarray(GREY).resize((64, 48))
    picture = read(pictures.encoded(small, "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]))
    assert (picture.frame, picture.pixels.shape) == (1, GREY.shape)


def test_21_the_first_picture_is_read_where_it_shows_something():
    content = pictures.encoded(GREY, "GIF", save_all=True, append_images=[Image.fromarray(BLACK)])
    assert (read(content).frame, read(content).notices) == (0, (FIRST_FRAME,))
