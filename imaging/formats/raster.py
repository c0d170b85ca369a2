"""PNG, JPEG, WebP, BMP, TIFF and GIF, read with Pillow. Only the reader of the sniffed kind is ever asked."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from imaging.errors import RefusedUpload
from imaging.formats import intensity, png
from imaging.formats.pieces import CountedFile, check_jpeg, check_tiff
from imaging.formats.validate import check_size
from imaging.preprocess import Grey

_ORIENTATION_TAG = 0x0112
_TRANSPOSED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_COUNTED = {"jpeg": check_jpeg, "tiff": check_tiff}
_SIXTEEN_BIT = {"I;16", "I;16B", "I;16L", "I;16N"}
_UNREADABLE_DEPTH = {"F", "I", "LAB", "HSV"}
FIRST_FRAME = "The file holds several pictures; the first one was read."


@dataclass(frozen=True)
class Raster:
    """Grey pixels, the share of coloured ones before, how many frames the file holds, and notices."""

    pixels: Grey
    colour_share: float = 0.0
    frames: int = 1
    notices: tuple[str, ...] = field(default=())


def read(content: bytes, kind: str, max_pixels: int) -> Raster:
    """Read the first picture of a file.

    Args:
        kind: png, jpeg, webp, bmp, tiff or gif, as `validate.kind_of` says.
        max_pixels: limit that is checked on the header, before any pixel is decoded.

    Raises:
        RefusedUpload: see `validate.check_size`; `unsupported_depth`, `too_many_pieces` (422).
        Exception: whatever Pillow raises on damaged bytes; `decode.decode` turns it into `damaged_image`.
    """
    if kind == "png":
        content = png.checked(content, max_pixels)
    if kind in _COUNTED:
        _COUNTED[kind](content)
    if kind == "webp":
        check_size(*_webp_canvas(content), max_pixels)
    with Image.open(CountedFile(content), formats=[kind.upper()]) as image:
        check_size(image.width, image.height, max_pixels)
        if image.mode in _UNREADABLE_DEPTH:
            raise RefusedUpload("unsupported_depth", "Pictures of 32 bits or in Lab colours are not read.")
        frames = _frames(image)
        image.load()
        # A frame may grow while it is decoded (a GIF frame beyond its screen), so the size is checked again.
        check_size(image.width, image.height, max_pixels)
        if kind == "jpeg" and _is_filled_up(image):
            raise RefusedUpload("damaged_image", "The picture breaks off half way. Export or download it again.")
        pixels, share = _grey(_upright(image))
    return Raster(pixels, share, frames, (FIRST_FRAME,) if frames > 1 else ())


def _grey(image: Image.Image) -> tuple[Grey, float]:
    def rows(top: int, bottom: int) -> Image.Image:
        return image.crop((0, top, image.width, bottom))

    if image.mode in _SIXTEEN_BIT:
        return intensity.in_bands(image.height, image.width, lambda *band: _sixteen_bit(rows(*band))), 0.0
    if image.mode in {"L", "1"} and not image.has_transparency_data:
        return intensity.in_bands(image.height, image.width, lambda *band: np.asarray(rows(*band).convert("L"))), 0.0
    return intensity.grey_of_rgb(image.height, image.width, lambda *band: _rgb(rows(*band)))


def _sixteen_bit(image: Image.Image) -> Grey:
    return intensity.grey_of_stored(np.asarray(image), 16, is_signed=False)


def _rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        return _on_black(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_filled_up(image: Image.Image) -> bool:
    """Whether a JPEG that broke off was closed by an end marker: its reader fills what is missing with mid grey."""
    last_rows = image.crop((0, image.height - 8, image.width, image.height))
    return last_rows.convert("L").getextrema() == (128, 128)


def _on_black(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    method = _TRANSPOSED.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a broken Exif block says nothing about the pixels
        return 1


def _frames(image: Image.Image) -> int:
    """How many pictures the file holds, as far as that is cheap: for TIFF and GIF, 2 stands for two or more."""
    if image.format in {"PNG", "WEBP"}:
        return int(getattr(image, "n_frames", 1))
    if image.format not in {"TIFF", "GIF"}:
        return 1
    try:
        image.seek(1)
    except EOFError:
        return 1
    finally:
        image.seek(0)
    return 2


def _webp_canvas(content: bytes) -> tuple[int, int]:
    """Width and height from a WebP header: Pillow allocates the whole canvas when it opens the file."""
    form = content[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(content[start : start + 3], "little") + 1 for start in (24, 27))
        return width, height
    if form == b"VP8L":
        packed: int = struct.unpack_from("<I", content, 21)[0]
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF
