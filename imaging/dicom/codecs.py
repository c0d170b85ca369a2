"""One compressed frame as stored values. The stream's own first bytes decide who reads it, not the file's label.

JPEG of all kinds with 8 bits (lossless ones, too) by Pillow's libjpeg-turbo, JPEG-LS by CharLS, JPEG 2000 and its
High-Throughput kind by OpenJPEG. Streams that hold no marker of their colours are taken as the file's Photometric
Interpretation says (PS3.5 8.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import openjpeg.utils
from numpy.typing import NDArray

from imaging.errors import RefusedUpload
from imaging.formats import jpeg, raster
from imaging.formats.validate import check_size

WAY_OUT = "Open it in a free DICOM viewer, such as Weasis, and export it as PNG."
# Of the codestreams of JPEG 2000: start, then SIZ; and the box that begins a JP2 file.
_JPEG_2000 = (b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
_RGB, _YBR = b"\0", b"\1"
_CODEC_COLOURS = {"YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420", "YBR_PARTIAL_422"}


@dataclass(frozen=True)
class Stream:
    """A decoded frame: values `H x W` or `H x W x 3`, how many bits are stored, and what its colours are."""

    values: NDArray[Any]
    bits: int
    interpretation: str


def decode_frame(content: bytes, interpretation: str, max_pixels: int) -> Stream:
    """Decode one frame.

    Args:
        interpretation: the file's Photometric Interpretation.
        max_pixels: limit that is checked on the stream's own header.

    Raises:
        RefusedUpload: `transfer_syntax` (415) for JPEG of more than 8 bits; those of `validate.check_size`.
        Exception: whatever a codec raises on damaged bytes.
    """
    if content.startswith(_JPEG_2000):
        return _jpeg_2000(content, interpretation, max_pixels)
    frame = jpeg.frame_of(content)
    check_size(frame.width, frame.height, max_pixels)
    if frame.is_ls:
        return Stream(raster.jpeg_ls_values(content), frame.bits, interpretation)
    if frame.bits != 8:
        raise RefusedUpload(
            "transfer_syntax",
            f"The DICOM file's picture is a JPEG of {frame.bits} bits, which is not read here. {WAY_OUT}",
            415,
        )
    return _jpeg(content, frame, interpretation)


def _jpeg(content: bytes, frame: jpeg.Frame, interpretation: str) -> Stream:
    """Colours in a stream without a marker are told by the file: an Adobe marker says to the reader what they are."""
    is_luma = interpretation.startswith("YBR")
    if frame.components == 3 and frame.is_lossless:  # such streams are never converted by their reader
        return Stream(raster.jpeg_values(jpeg.with_adobe_marker(content, _RGB)), 8, "YBR_FULL" if is_luma else "RGB")
    if frame.components == 3 and not frame.says_its_colours:
        content = jpeg.with_adobe_marker(content, _YBR if is_luma else _RGB)
    return Stream(raster.jpeg_values(content), 8, "RGB" if frame.components == 3 else interpretation)


def _jpeg_2000(content: bytes, interpretation: str, max_pixels: int) -> Stream:
    told = openjpeg.utils.get_parameters(content)
    if int(told["samples_per_pixel"]) > 1:
        max_pixels = min(max_pixels, raster.MOST_JPEG_2000_PIXELS)
    check_size(int(told["columns"]), int(told["rows"]), max_pixels)
    values = openjpeg.utils.decode(content)
    # The codec undoes its own transform of colours.
    return Stream(values, int(told["precision"]), "RGB" if interpretation in _CODEC_COLOURS else interpretation)
