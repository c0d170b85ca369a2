"""Names and dates burned into the pixels: text in a black band at the top or bottom edge is blanked.

DICOM PS3.15 E.3.1 counts on ultrasound pictures carrying such text. Scanners print it above and below the picture, on
black. Only such bands are touched, and only where nothing but text is in them: tissue is worth more than a caption,
so text over tissue stays, and the page says that a person has to look.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.picture import Picture
from imaging.preprocess import Grey

_BLACK = 14
_BRIGHT = 64
# A row of a text band is mostly black and its strokes are short; where tissue begins, a row is lit for a long way.
_BLACK_SHARE_OF_ROW, _LONGEST_RUN_SHARE = 0.55, 0.12
_BAND_SHARE = 0.3
# Characters are 4 to 48 px high; a word's strokes make several parts.
_CHARACTER_PX = (4, 48)
_FEWEST_PARTS = 4
# Away from the strokes a band is black: this share of its pixels at least.
_BLACK_SHARE_OF_GROUND = 0.985
_STROKE_MARGIN_PX = 3

TOP_BLANKED = "A black band with text at the top edge was blanked, since it may hold a name or a date."
BOTTOM_BLANKED = "A black band with text at the bottom edge was blanked, since it may hold a name or a date."


def without_text_bands(picture: Picture) -> Picture:
    """Blank bands of text at the top and bottom edge and say so in a notice; the picture's size stays."""
    top = text_band_height(picture.pixels)
    bottom = text_band_height(picture.pixels[::-1])
    if top == 0 and bottom == 0:
        return picture
    pixels = picture.pixels.copy()
    pixels[:top] = 0
    pixels[picture.height - bottom :] = 0
    notices = ((TOP_BLANKED,) if top else ()) + ((BOTTOM_BLANKED,) if bottom else ())
    return replace(picture, pixels=pixels, notices=picture.notices + notices)


def text_band_height(pixels: Grey) -> int:
    """Height in rows of the text band at the top edge of uint8 `H x W` pixels; 0 where there is none."""
    if _is_echo_row(pixels[: _CHARACTER_PX[0]] > _BLACK).any():  # most pictures: no band would be as high as letters
        return 0
    is_lit = pixels[: round(_BAND_SHARE * pixels.shape[0])] > _BLACK
    long_run = np.ones((1, max(2, round(_LONGEST_RUN_SHARE * pixels.shape[1]))), np.uint8)
    has_long_run = cv2.erode(is_lit.astype(np.uint8), long_run, borderValue=0).any(axis=1)
    is_band_row = ~_is_echo_row(is_lit) & ~has_long_run
    height = is_band_row.size if is_band_row.all() else int(np.argmin(is_band_row))
    if height < _CHARACTER_PX[0]:
        return 0
    return height if _is_text_on_black(pixels[:height]) else 0


def _is_echo_row(is_lit: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(is_lit.mean(axis=1) > 1.0 - _BLACK_SHARE_OF_ROW)


def _is_text_on_black(band: Grey) -> bool:
    strokes = (band > _BRIGHT).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    heights = stats[1:, cv2.CC_STAT_HEIGHT]
    if count - 1 < _FEWEST_PARTS or heights.max() > _CHARACTER_PX[1]:
        return False
    if np.count_nonzero(heights >= _CHARACTER_PX[0]) < _FEWEST_PARTS:
        return False
    return _ground_is_black(band, strokes)


def _ground_is_black(band: Grey, strokes: NDArray[np.uint8]) -> bool:
    side = 2 * _STROKE_MARGIN_PX + 1
    is_ground = cv2.dilate(strokes, np.ones((side, side), np.uint8)) == 0
    ground = band[is_ground]
    return ground.size > 0 and float((ground <= _BLACK).mean()) >= _BLACK_SHARE_OF_GROUND
