import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from imaging.errors import RefusedUpload
from imaging.files.decode import decode
from imaging.formats import intensity
from imaging.formats.raster import FIRST_FRAME
from tests.factories import pictures

MOST = 25_000_000
GREY = pictures.ultrasound()


def refusal_of(content, max_pixels=MOST):
    with pytest.raises(RefusedUpload) as refusal:
        decode(content, max_pixels)
    return refusal.value


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_kinds_keep_every_pixel(kind):
    picture = decode(pictures.encoded(GREY, kind), MOST)
    assert picture.kind == kind.lower()
    assert picture.pixels.dtype == np.uint8
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == ()
    assert picture.spacing is None


def test_lossless_webp_keeps_every_pixel():
    assert np.array_equal(decode(pictures.encoded(GREY, "WEBP", lossless=True), MOST).pixels, GREY)


def test_jpeg_stays_close_to_its_twin():
    picture = decode(pictures.encoded(GREY, "JPEG", quality=95), MOST)
    assert np.abs(picture.pixels.astype(int) - GREY).mean() < 2


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_tiff_is_read_in_its_usual_compressions(compression):
    assert np.array_equal(decode(pictures.encoded(GREY, "TIFF", compression=compression), MOST).pixels, GREY)


def test_grey_stored_as_colour_gives_the_same_pixels():
    picture = decode(pictures.encoded(pictures.colour(GREY)), MOST)
    assert np.array_equal(picture.pixels, GREY)
    assert picture.colour_share == 0


def test_colour_becomes_luma_and_its_share_is_kept():
    rgb = pictures.colour(GREY)
    rgb[:75] = (200, 30, 30)
    picture = decode(pictures.encoded(rgb), MOST)
    assert picture.colour_share == pytest.approx(0.5)
    assert picture.pixels[0, 0] == round(0.299 * 200 + 0.587 * 30 + 0.114 * 30)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("factor", [256, 257])
def test_sixteen_bits_equal_their_eight_bit_twin(kind, factor):
    picture = decode(pictures.encoded(GREY.astype(np.uint16) * factor, kind), MOST)
    assert np.array_equal(picture.pixels, GREY)
    assert abs(float(picture.pixels.mean()) - float(GREY.mean())) <= 0.01 * float(GREY.mean())


def test_sixteen_bits_are_scaled_by_the_type_and_not_by_what_occurs():
    dark = decode(pictures.encoded(np.full((120, 120), 512, np.uint16)), MOST)
    assert (dark.pixels == 2).all()


def test_pictures_of_32_bits_are_refused():
    assert refusal_of(pictures.encoded(GREY.astype(np.float32), "TIFF")).code == "unsupported_depth"


def test_one_bit_pictures_become_black_and_white():
    picture = decode(pictures.encoded(Image.fromarray(GREY).convert("1")), MOST)
    assert set(np.unique(picture.pixels)) == {0, 255}


def test_a_cmyk_jpeg_stays_close_to_its_twin():
    cmyk = Image.fromarray(pictures.colour(GREY)).convert("CMYK")
    picture = decode(pictures.encoded(cmyk, "JPEG", quality=95), MOST)
    assert np.abs(picture.pixels.astype(int) - GREY).mean() < 3


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pixels_are_laid_on_black(mode):
    image = Image.fromarray(np.full((120, 120), 200, np.uint8)).convert(mode)
    alpha = np.zeros((120, 120), np.uint8)
    alpha[:, 60:] = 255
    image.putalpha(Image.fromarray(alpha))
    picture = decode(pictures.encoded(image), MOST)
    assert (picture.pixels[:, :60] == 0).all()
    assert (picture.pixels[:, 60:] == 200).all()


def test_half_transparent_pixels_are_half_as_bright():
    image = Image.new("RGBA", (120, 120), (200, 200, 200, 128))
    assert abs(int(decode(pictures.encoded(image), MOST).pixels[0, 0]) - 100) <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_is_looked_up(kind):
    image = Image.fromarray(pictures.colour(GREY)).quantize(256)
    picture = decode(pictures.encoded(image, kind), MOST)
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB").convert("L")))


def test_a_transparent_palette_entry_becomes_black():
    image = Image.new("P", (120, 120), 1)
    image.putpalette([9, 9, 9, 250, 250, 250])
    picture = decode(pictures.encoded(image, transparency=1), MOST)
    assert (picture.pixels == 0).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(kind, orientation):
    image = Image.fromarray(GREY)
    undone = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that leads to each Exif orientation
    stored = image if orientation == 1 else image.transpose(Image.Transpose(undone[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    picture = decode(pictures.encoded(stored, kind, exif=exif, **options), MOST)
    assert picture.pixels.shape == GREY.shape
    assert np.abs(picture.pixels.astype(int) - GREY).mean() < 2


def test_a_broken_exif_block_is_ignored():
    picture = decode(pictures.encoded(GREY, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"), MOST)
    assert picture.pixels.shape == GREY.shape


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_broken_colour_profile_is_dropped(kind):
    picture = decode(pictures.encoded(GREY, kind, icc_profile=b"\xff" * 3_000_000 if kind == "PNG" else b"junk"), MOST)
    assert picture.pixels.shape == GREY.shape


def test_a_compressed_profile_bomb_in_a_png_is_dropped():
    bomb = pictures.png_chunk(b"iCCP", b"x\x00\x00" + zlib.compress(b"\0" * 5_000_000))
    content = pictures.encoded(GREY)
    assert np.array_equal(decode(content[:33] + bomb + content[33:], MOST).pixels, GREY)


@pytest.mark.parametrize("cut", [0.5, 0.9, -4])
def test_a_cut_png_is_refused(cut):
    content = pictures.encoded(GREY)
    end = cut if cut < 0 else int(len(content) * cut)
    found = refusal_of(content[:end])
    assert (found.code, found.status) == ("damaged_image", 422)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("WEBP", {}), ("BMP", {}), ("GIF", {}), ("TIFF", {})])
def test_other_cut_files_are_refused(kind, options, share):
    content = pictures.encoded(GREY, kind, **options)
    assert refusal_of(content[: int(len(content) * share)]).code == "damaged_image"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_cut_jpeg_that_was_closed_again_is_refused(share):
    content = pictures.encoded(GREY, "JPEG")
    assert refusal_of(content[: int(len(content) * share)] + b"\xff\xd9").code == "damaged_image"


def test_one_flipped_byte_in_a_png_is_found():
    content = bytearray(pictures.encoded(GREY))
    content[content.index(b"IDAT") + 500] ^= 1
    assert refusal_of(bytes(content)).code == "damaged_image"


@pytest.mark.parametrize("trailer", [b"<html><script>alert(1)</script>", b"PK\x03\x04" + b"zip" * 50])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_of_a_polyglot_only_the_pixels_are_read(kind, trailer):
    content = pictures.encoded(GREY, kind)
    assert np.array_equal(decode(content + trailer, MOST).pixels, decode(content, MOST).pixels)


def test_a_gigantic_png_is_refused_from_its_header():
    start = time.process_time()
    found = refusal_of(pictures.png_header(50_000, 50_000))
    assert (found.code, found.status) == ("too_many_pixels", 413)
    assert time.process_time() - start < 0.3


def test_gigantic_headers_of_other_kinds_are_refused():
    small = pictures.encoded(GREY, "BMP")
    bitmap = small[:18] + struct.pack("<ii", 50_000, 50_000) + small[26:]
    gif = b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0) + b";"
    canvas = b"".join((16_383).to_bytes(3, "little") for _ in range(2))
    webp = b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas
    for content in (bitmap, webp):
        assert refusal_of(content).code == "too_many_pixels"
    assert refusal_of(gif).code in {"too_many_pixels", "damaged_image"}


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (1, 10_000)])
def test_tiny_and_odd_pictures_are_refused(size):
    found = refusal_of(pictures.encoded(Image.new("L", size)))
    assert found.code in {"too_small", "odd_shape"}
    assert found.status == 422


def test_a_png_full_of_text_entries_is_refused():
    texts = pictures.png_chunk(b"zTXt", b"k\x00\x00" + zlib.compress(b"x" * 1000)) * 10_000
    content = pictures.encoded(GREY)
    assert refusal_of(content[:33] + texts + content[33:]).code == "damaged_image"


def test_a_text_bomb_in_a_png_is_never_inflated():
    texts = pictures.png_chunk(b"zTXt", b"k\x00\x00" + zlib.compress(b"x" * 20_000_000))
    content = pictures.encoded(GREY)
    start = time.process_time()
    assert np.array_equal(decode(content[:33] + texts + content[33:], MOST).pixels, GREY)
    assert time.process_time() - start < 0.3


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "TIFF"])
def test_of_several_pictures_the_first_is_read_and_that_is_said(kind):
    others = [Image.fromarray(255 - GREY)] * 2
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = decode(pictures.encoded(GREY, kind, save_all=True, append_images=others, **options), MOST)
    assert np.array_equal(picture.pixels, GREY)
    assert picture.frames > 1
    assert picture.notices == (FIRST_FRAME,)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG"])
def test_any_of_several_pictures_is_read_by_its_number(kind):
    content = pictures.encoded(GREY, kind, save_all=True, append_images=[Image.fromarray(255 - GREY)])
    assert decode(content, MOST, frame=0).frames == 2
    second = decode(content, MOST, frame=1)
    assert (second.frame, second.notices) == (1, ("The file holds several pictures; number 2 was read, as asked.",))
    assert np.array_equal(second.pixels, 255 - GREY)
    with pytest.raises(RefusedUpload, match="no picture number 3") as refusal:
        decode(content, MOST, frame=2)
    assert (refusal.value.code, refusal.value.status) == ("no_such_frame", 422)


def test_ten_thousand_frames_cost_no_more_than_the_first():
    buffer = io.BytesIO()
    frame = Image.new("P", (100, 100))
    frame.save(buffer, "GIF")
    content = buffer.getvalue()
    image = content[content.index(b",", 13) : -1]
    start = time.process_time()
    picture = decode(content[:-1] + image * 10_000 + b";", MOST)
    assert time.process_time() - start < 2
    assert picture.notices == (FIRST_FRAME,)


def test_a_file_is_read_by_content_whatever_it_is_called():
    # The decoder gets bytes only: a TIFF that somebody called scan.png is a TIFF.
    assert decode(pictures.encoded(GREY, "TIFF"), MOST).kind == "tiff"


def test_dots_per_inch_of_a_picture_are_no_spacing():
    assert decode(pictures.encoded(GREY, "PNG", dpi=(254, 254)), MOST).spacing is None
    assert decode(pictures.encoded(GREY, "JPEG", dpi=(254, 254)), MOST).spacing is None


def _whole(image):
    """Grey as Pillow gives it for a whole picture, transparent pixels on black."""
    if image.mode == "I;16":
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.asarray(image.convert("RGB").convert("L"))


def _modes():
    colours = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=2)
    with_alpha = Image.fromarray(np.dstack([colours, np.roll(GREY, 9, 0)]))
    palette = Image.fromarray(colours).quantize(64, dither=Image.Dither.NONE)
    yield from (Image.fromarray(colours), with_alpha, with_alpha.convert("LA"), palette, Image.fromarray(GREY))
    yield Image.fromarray(GREY.astype(np.uint16) * 257 ^ 37)
    clear = palette.copy()
    clear.info["transparency"] = bytes(range(0, 256, 4))
    yield clear


@pytest.mark.parametrize("image", list(_modes()), ids=lambda image: f"{image.mode}{sorted(image.info)}")
def test_a_picture_read_in_bands_has_the_pixels_of_one_read_at_once(image, monkeypatch):
    monkeypatch.setattr(intensity, "_BAND_PIXELS", 1300)
    content = pictures.encoded(image)
    with Image.open(io.BytesIO(content)) as again:
        again.load()
        expected = _whole(again)
    assert np.array_equal(decode(content, MOST).pixels, expected)
