"""One picture in many encodings: the same mask and class probabilities, whatever the depth, colours or turn."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.exam.marks import exam
from tests.exam.twins import Reading, assert_same, read
from tests.factories.pictures import colour, encoded, png_chunk, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
PIXELS = ultrasound(3, "oval", 375, 448)
ORIENTATION = 0x0112
TURNED = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(server: Server) -> Reading:
    """The picture as an 8-bit grey PNG."""
    return read(server, encoded(PIXELS))


@pytest.fixture(scope="module")
def plain_jpeg(server: Server) -> Reading:
    """The picture as a colour JPEG."""
    return read(server, encoded(colour(PIXELS), "JPEG", quality=95))


def kept_pixels(server: Server, reading: Reading) -> NDArray[np.uint8]:
    """The pixels that the server kept, as its result page shows them."""
    status, content = server.get(reading.image["links"]["page"] + "/picture.png")
    assert status == 200
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


@exam("B16", given="16-bit grey PNG and TIFF", expected="The 8-bit twin's answer; mean grey within 1 %")
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("low_bits", ["same", "random"])
def test_sixteen_bits_are_read_like_eight(server: Server, plain: Reading, seen: Seen, kind: str, low_bits: str) -> None:
    low = PIXELS if low_bits == "same" else np.random.default_rng(1).integers(0, 256, PIXELS.shape)
    twin = read(server, encoded((PIXELS.astype(np.uint16) << 8) | low.astype(np.uint16), kind))
    figures = assert_same(plain, twin)
    mean, kept = float(PIXELS.mean()), float(kept_pixels(server, twin).mean())
    assert abs(kept - mean) < 0.01 * mean
    seen(f"{kind}, {low_bits} low bits: {figures}; mean grey {mean:.2f} and {kept:.2f}")


def black_plate_only() -> Image.Image:
    """CMYK with nothing but black ink."""
    empty = Image.new("L", PIXELS.shape[::-1], 0)
    return Image.merge("CMYK", (empty, empty, empty, Image.fromarray(255 - PIXELS)))


CMYK = {
    "three inks": Image.fromarray(colour(PIXELS)).convert("CMYK"),
    "black ink": black_plate_only(),
}


@exam("B17", given="A CMYK JPEG with Adobe's inverted inks", expected="The RGB twin's answer, within 0.02")
@pytest.mark.parametrize("inks", sorted(CMYK))
def test_printed_colours_are_read_like_light(server: Server, plain_jpeg: Reading, seen: Seen, inks: str) -> None:
    content = encoded(CMYK[inks], "JPEG", quality=95)
    assert b"Adobe" in content[:400]
    seen(f"{inks}: {assert_same(plain_jpeg, read(server, content))}")


def palette() -> Image.Image:
    """256 greys in a shuffled palette, so that indexes are no greys."""
    order = np.random.default_rng(2).permutation(256)
    image = Image.fromarray(np.argsort(order).astype(np.uint8)[PIXELS], "P")
    image.putpalette(np.repeat(order.astype(np.uint8), 3).tobytes())
    return image


def with_alpha(mode: str, alpha: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(PIXELS).convert(mode)
    image.putalpha(Image.fromarray(alpha))
    return image


OPAQUE = np.full(PIXELS.shape, 255, np.uint8)


@exam("B18", given="RGB, RGBA, LA and palette files, opaque", expected="The grey twin's answer")
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_other_modes_are_read_like_grey(server: Server, plain: Reading, seen: Seen, mode: str) -> None:
    images = {
        "RGB": Image.fromarray(colour(PIXELS)), "RGBA": with_alpha("RGB", OPAQUE), "LA": with_alpha("L", OPAQUE),
        "P": palette(),
    }  # fmt: skip
    assert images[mode].mode == mode
    seen(f"{mode}: {assert_same(plain, read(server, encoded(images[mode])))}")


@exam("B18", given="RGBA, LA and palette files with a transparent part", expected="Transparent is black")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_black(server: Server, seen: Seen, mode: str) -> None:
    alpha = OPAQUE.copy()
    alpha[60:140, 40:160] = 0  # within the picture: a black edge is cut as a margin
    flattened = np.where(alpha == 0, 0, PIXELS).astype(np.uint8)
    if mode == "P":
        image = palette()
        index = np.asarray(image).copy()
        index[alpha == 0] = hidden = int(index[0, 0])
        flattened = np.where(index == hidden, 0, np.where(alpha == 0, 0, PIXELS)).astype(np.uint8)
        turned = Image.fromarray(index, "P")
        turned.putpalette(image.getpalette() or [])
        content = encoded(turned, "PNG", transparency=hidden)
    else:
        content = encoded(with_alpha("RGB" if mode == "RGBA" else "L", alpha))
    twin = read(server, content)
    np.testing.assert_array_equal(kept_pixels(server, twin), flattened)
    seen(f"{mode}: {assert_same(read(server, encoded(flattened)), twin)}")


def oriented(orientation: int, kind: str) -> bytes:
    """A file whose pixels lie turned, and whose Exif says how to turn them back."""
    image, method = Image.fromarray(PIXELS), TURNED[orientation]
    stored = image if method is None else image.transpose(method)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = encoded(stored, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    with Image.open(io.BytesIO(content)) as written:  # Pillow's own reading of Exif agrees that this stands upright
        upright = np.asarray(ImageOps.exif_transpose(written)).astype(int)
    assert upright.shape == PIXELS.shape
    assert float(np.abs(upright - PIXELS).mean()) < 4
    return content


@exam("B20", given="Exif orientation 1 to 8, PNG and JPEG", expected="Eight times the same outline")
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", sorted(TURNED))
def test_a_turned_picture_is_read_upright(
    server: Server, plain: Reading, seen: Seen, orientation: int, kind: str
) -> None:
    seen(f"{kind}, orientation {orientation}: {assert_same(plain, read(server, oriented(orientation, kind)))}")


BROKEN_PROFILE = b"\0\0\x10\0ADBE\x02\x10\0\0mntrRGB XYZ " + b"\xff\x00\x81" * 700
WHOLE = encoded(PIXELS)
PROFILES = {
    "PNG, broken": encoded(PIXELS, "PNG", icc_profile=BROKEN_PROFILE),
    "PNG, no zlib": WHOLE[:33] + png_chunk(b"iCCP", b"p\0\0" + b"\xff" * 500) + WHOLE[33:],
    "PNG, 16 MB": encoded(PIXELS, "PNG", icc_profile=np.random.default_rng(3).bytes(16 << 20)),
    "TIFF, broken": encoded(PIXELS, "TIFF", icc_profile=BROKEN_PROFILE),
    "WebP, broken": encoded(PIXELS, "WEBP", lossless=True, icc_profile=BROKEN_PROFILE),
}


@exam("B23", given="A broken and a huge colour profile", expected="The profile is dropped, the picture is read")
@pytest.mark.parametrize("case", sorted(PROFILES))
def test_a_bad_profile_is_dropped(server: Server, plain: Reading, seen: Seen, case: str) -> None:
    seen(f"{case}: {assert_same(plain, read(server, PROFILES[case]))}")


@exam("B23", given="A JPEG with a broken and one with a 4 MB profile", expected="The profile is dropped")
@pytest.mark.parametrize("profile", [BROKEN_PROFILE, bytes(4_000_000)], ids=["broken", "4 MB"])
def test_a_bad_profile_of_a_jpeg_is_dropped(server: Server, plain_jpeg: Reading, seen: Seen, profile: bytes) -> None:
    content = encoded(colour(PIXELS), "JPEG", quality=95, icc_profile=profile)
    seen(f"{len(profile)} bytes: {assert_same(plain_jpeg, read(server, content))}")
