"""PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC, AVIF and JPEG 2000, read with Pillow; JPEG-LS with CharLS.

Only the reader of the sniffed kind is ever asked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import RefusedUpload
from imaging.formats import intensity, jpeg, png
from imaging.formats.pieces import CountedFile, check_jpeg, check_tiff
from imaging.formats.validate import check_size
from imaging.preprocess import Grey

_ORIENTATION_TAG, _PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 0x0112, 262, 0
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
_PLUGINS = {"heic": "HEIF", "jpeg2000": "JPEG2000"}
_SIXTEEN_BIT = {"I;16", "I;16B", "I;16L", "I;16N"}
_UNREADABLE_DEPTH = {"F", "I", "LAB", "HSV"}
MOST_JPEG_2000_PIXELS = 20_000_000  # in colour: its reader holds four bytes of each colour of each pixel
_MOST_TRIES = 24  # pictures of one file that are looked into for one that shows something
_EMPTY_END_SHARE, _LIT = 0.2, 0.5
FIRST_FRAME = "The file holds several pictures; the first one was read."
EMPTY_END = "The file ends in a long run of zeros, as a copy that broke off does: the black part may be missing."
_TWELVE_BIT = "This JPEG has {bits} bits a colour. Export it with 8 bits, as PNG or as JPEG."
_TOO_DEEP = "Pictures of 32 bits or in Lab colours are not read."


@dataclass(frozen=True)
class Raster:
    """Grey pixels, the share of coloured ones before, which frame of how many was read, and notices."""

    pixels: Grey
    colour_share: float = 0.0
    frame: int = 0
    frames: int = 1
    notices: tuple[str, ...] = field(default=())


def read(content: bytes, kind: str, max_pixels: int, frame: int | None = None) -> Raster:
    """Read one picture of a file.

    Args:
        kind: as `validate.kind_of` says, any but dicom.
        max_pixels: limit that is checked on the header, before any pixel is decoded.
        frame: counted from 0; None takes the first one in which something can be seen.

    Raises:
        RefusedUpload: see `validate.check_size`; `unsupported_depth`, `damaged_image`, `no_such_frame`,
            `too_many_pieces` (422).
        Exception: whatever a reader raises on damaged bytes; `decode.decode` turns it into `damaged_image`.
    """
    if kind == "jpegls":
        return _read_jpeg_ls(content, max_pixels)
    if kind == "heic":
        _know_heic()
    if kind == "png":
        content = png.checked(content, max_pixels)
    if kind in _COUNTED:
        _COUNTED[kind](content)
    if kind == "webp":
        check_size(*_webp_canvas(content), max_pixels)
    if kind == "jpeg":
        _check_jpeg(content, max_pixels)
    with Image.open(CountedFile(content), formats=[_PLUGINS.get(kind, kind.upper())]) as image:
        frames = _frames(image)
        if frame is None:
            chosen, (pixels, share, notices) = _first_shown(image, frames, max_pixels)
        else:
            _seek(image, frame)
            chosen, (pixels, share, notices) = frame, _loaded(image, max_pixels)
    return Raster(pixels, share, chosen, frames, (*_which(frame, chosen, frames), *notices))


Loaded = tuple[Grey, float, tuple[str, ...]]


def _first_shown(image: Image.Image, frames: int, max_pixels: int) -> tuple[int, Loaded]:
    """The first picture in which something can be seen: thumbnails, strips and empty ones are passed over."""
    first: Loaded | None = None
    refusal: RefusedUpload | None = None
    for number in range(1 if frames == 1 else _MOST_TRIES):
        try:
            if number:
                image.seek(number)
            loaded = _loaded(image, max_pixels)
        except EOFError:
            break
        except RefusedUpload as found:
            if frames == 1 or found.code not in ("too_small", "odd_shape"):
                raise
            refusal = refusal or found
            continue
        if frames == 1 or not intensity.is_empty(loaded[0]):
            return number, loaded
        first = first or loaded
    if first is not None:
        return 0, first
    raise refusal or EOFError


def _seek(image: Image.Image, frame: int) -> None:
    try:
        image.seek(frame)
    except EOFError:
        raise RefusedUpload("no_such_frame", f"The file holds no picture number {frame + 1}.") from None


def _which(asked: int | None, chosen: int, frames: int) -> tuple[str, ...]:
    if frames == 1:
        return ()
    if asked is not None:
        return (f"The file holds several pictures; number {chosen + 1} was read, as asked.",)
    if chosen == 0:
        return (FIRST_FRAME,)
    return (f"The file holds several pictures; number {chosen + 1} was read, the first that shows something.",)


def _loaded(image: Image.Image, max_pixels: int) -> Loaded:
    if image.format == "JPEG2000" and len(image.getbands()) > 1:
        max_pixels = min(max_pixels, MOST_JPEG_2000_PIXELS)
    check_size(image.width, image.height, max_pixels)
    if image.mode in _UNREADABLE_DEPTH:
        raise RefusedUpload("unsupported_depth", _TOO_DEEP)
    image.load()
    # A frame may grow while it is decoded (a GIF frame beyond its screen), so the size is checked again.
    check_size(image.width, image.height, max_pixels)
    is_unfinished = image.format in {"BMP", "TIFF"}
    pixels, share, notices = _grey(_upright(image))
    return pixels, share, (*notices, EMPTY_END) if is_unfinished and _has_empty_end(pixels) else notices


def load_readers() -> None:
    """Import every reader that is otherwise imported with the first file of its kind.

    For a process that soon can't open files any more.
    """
    import jpeg_ls  # noqa: F401
    import simplejpeg  # noqa: F401

    Image.init()
    _know_heic()


def jpeg_values(content: bytes) -> NDArray[np.uint8]:
    """The values of a JPEG, `H x W` or `H x W x 3` in red, green and blue; nothing is turned.

    Raises:
        RefusedUpload: `damaged_image`, it breaks off.
    """
    check_jpeg(content)
    jpeg.check_whole(content)
    with Image.open(CountedFile(content), formats=["JPEG"]) as image:
        return np.asarray(image if image.mode in {"L", "RGB"} else image.convert("RGB"))


def jpeg_ls_values(content: bytes) -> NDArray[Any]:
    """The values of a JPEG-LS stream, `H x W` or `H x W x 3`, with 8 or 16 bits.

    Raises:
        Exception: whatever the codec raises on damaged bytes.
    """
    import jpeg_ls  # with the first such file

    # CharLS 2 looks for ever for what is missing in a stream that breaks off, unless an end mark stops it.
    return np.asarray(jpeg_ls.decode(np.frombuffer(content + jpeg.CLOSING, np.uint8)))


def _check_jpeg(content: bytes, max_pixels: int) -> None:
    frame = jpeg.frame_of(content)
    check_size(frame.width, frame.height, max_pixels)
    if frame.bits != 8:
        raise RefusedUpload("unsupported_depth", _TWELVE_BIT.format(bits=frame.bits))
    jpeg.check_whole(content)


def _read_jpeg_ls(content: bytes, max_pixels: int) -> Raster:
    frame = jpeg.frame_of(content)
    check_size(frame.width, frame.height, max_pixels)
    values = jpeg_ls_values(content)
    pixels, share, notices = of_values(values, frame.bits)
    return Raster(pixels, share, notices=notices)


def of_values(values: NDArray[Any], bits: int) -> Loaded:
    """Unsigned values `H x W`, or `H x W x 3` in red, green and blue, as grey, with the share of coloured pixels."""
    if values.ndim == 2:
        return intensity.grey_of_stored(values, bits, is_signed=False), 0.0, ()

    def rgb(top: int, bottom: int) -> Image.Image:
        return Image.fromarray(intensity.grey_of_stored(values[top:bottom, :, :3], bits, is_signed=False))

    return intensity.grey_of_rgb(values.shape[0], values.shape[1], rgb)


def _know_heic() -> None:
    import pi_heif  # with the first such file

    pi_heif.options.DECODE_THREADS = 0  # in the thread that asks
    pi_heif.register_heif_opener(thumbnails=False)


def _grey(image: Image.Image) -> tuple[Grey, float, tuple[str, ...]]:
    def rows(top: int, bottom: int) -> Image.Image:
        return image.crop((0, top, image.width, bottom))

    if image.mode in _SIXTEEN_BIT:
        return _of_sixteen_bits(image)
    if image.mode in {"L", "1"} and not image.has_transparency_data:
        grey = intensity.in_bands(image.height, image.width, lambda *band: np.asarray(rows(*band).convert("L")))
        return grey, 0.0, ()
    if _is_invisible(image):
        return intensity.grey_of_rgb(image.height, image.width, lambda *band: rows(*band).convert("RGB"))
    return intensity.grey_of_rgb(image.height, image.width, lambda *band: _rgb(rows(*band)))


def _of_sixteen_bits(image: Image.Image) -> tuple[Grey, float, tuple[str, ...]]:
    """Pillow turns 8 bits of a TIFF whose lowest value is white, but not 16."""
    values = np.asarray(image)
    bits, notices = intensity.bits_in_use(values, 16)
    grey = intensity.grey_of_stored(values, bits, is_signed=False)
    is_turned = image.format == "TIFF" and _tag(image, _PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
    return 255 - grey if is_turned else grey, 0.0, notices


def _tag(image: Image.Image, number: int) -> Any:
    return getattr(image, "tag_v2", {}).get(number)


def _is_invisible(image: Image.Image) -> bool:
    """Whether transparency is 0 everywhere: some programs write the fourth byte of a pixel without using it."""
    return image.mode in {"RGBA", "LA"} and image.getextrema()[-1][1] == 0  # type: ignore[index]


def _has_empty_end(pixels: Grey) -> bool:
    """Whether a fifth of the rows at one end is 0 to the last pixel, right behind a row that is mostly lit."""
    for rows in (pixels, pixels[::-1]):
        empty = int(np.argmax(rows.any(axis=1)))  # how many rows at this end hold nothing
        if empty >= _EMPTY_END_SHARE * len(rows) and float((rows[empty + 1] > 0).mean()) > _LIT:
            return True
    return False


def _rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        return _on_black(image)
    return image if image.mode == "RGB" else image.convert("RGB")


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
    if image.format not in {"TIFF", "GIF"}:
        return int(getattr(image, "n_frames", 1)) if image.format in {"PNG", "WEBP", "AVIF", "HEIF"} else 1
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
