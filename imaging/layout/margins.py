"""Margins around an ultrasound image, of any shade and side, and the paper that it was pasted on: they are cut off.

The networks know images that reach to their edge. With a white margin of 6 % around them, 22 of 42 cancers of a fold
that nothing was trained on were called harmless, against 3 as they are.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from imaging.formats.validate import LONGEST_RATIO, SMALLEST_SIDE_PX
from imaging.picture import Origin, Picture
from imaging.preprocess import Box, Grey

CUT = "An even margin around the picture was cut off."

# A line of a margin is of one shade nearly everywhere: a frame or a mark interrupts it. Deep tissue that holds no echo
# flickers more. Where a JPEG begins to be tissue, the margin beside it shakes.
_SHADE_SPREAD, _EVEN_SHARE = 3, 0.98
_SHAKEN_PX, _SHAKEN_SHARE = 9, 0.9
_SHAKEN_SPREAD, _SHAKEN_SPREAD_OF_WHITE, _WHITE = 7, 20, 200
_MOST_FRAMES = 6  # margins within margins: a page, a window of a viewer, a black border
# Paper is one shade over a part of the picture that tissue never is; what lies on it fills its box.
_PAPER_SHARE, _PAPER_SPREAD, _DARKEST_PAPER = 0.1, 3, 24
_PASTED_SHARE, _PASTED_FILL = 0.08, 0.85
_JOINED_PX = 3


def cut(picture: Picture) -> Picture:
    """The picture without its margins, with a notice, and with where it lies in the file; unchanged where it has none.

    What would be left too small to be read stays as it is.
    """
    box = content_box(picture.pixels)
    if (box.height, box.width) == picture.pixels.shape:
        return picture
    pixels = np.ascontiguousarray(picture.pixels[box.top : box.bottom, box.left : box.right])
    notices = picture.notices if CUT in picture.notices else (*picture.notices, CUT)
    return replace(picture, pixels=pixels, origin=_within(picture, box), notices=notices)


def _within(picture: Picture, box: Box) -> Origin:
    """Where the box of the picture's pixels lies in the file, which may hold it in another resolution."""
    whole = picture.in_file
    down, across = whole.height / picture.height, whole.width / picture.width
    top, bottom = round(box.top * down), round(box.bottom * down)
    left, right = round(box.left * across), round(box.right * across)
    return replace(whole, top=whole.top + top, left=whole.left + left, height=bottom - top, width=right - left)


def content_box(pixels: Grey) -> Box:
    """The part of uint8 `H x W` pixels that is neither margin nor paper; all of it where little would be left."""
    whole = Box(0, 0, pixels.shape[0], pixels.shape[1])
    box = _without_even_lines(pixels, whole)
    pasted = _pasted(pixels[box.top : box.bottom, box.left : box.right])
    if len(pasted) == 1:
        inner = pasted[0]
        box = _without_even_lines(pixels, Box(
            box.top + inner.top, box.left + inner.left, box.top + inner.bottom, box.left + inner.right
        ))  # fmt: skip
    shorter, longer = sorted((box.height, box.width))
    return whole if shorter < SMALLEST_SIDE_PX or longer > LONGEST_RATIO * shorter else box


def pictures_on_paper(pixels: Grey) -> int:
    """How many pictures lie on even paper in uint8 `H x W` pixels; 0 where there is no paper."""
    return len(_pasted(pixels))


def _without_even_lines(pixels: Grey, box: Box) -> Box:
    for _ in range(_MOST_FRAMES):
        part = pixels[box.top : box.bottom, box.left : box.right]
        top, bottom = _even_lines(part), _even_lines(part[::-1])
        if top + bottom >= box.height:
            return box
        part = part[top : part.shape[0] - bottom]
        left, right = _even_lines(part.T), _even_lines(part.T[::-1])
        if left + right >= box.width or top + bottom + left + right == 0:
            return box
        box = Box(box.top + top, box.left + left, box.bottom - bottom, box.right - right)
    return box


def _even_lines(pixels: Grey) -> int:
    """How many rows at the top are of one shade."""
    shade = int(np.median(pixels[0]))
    even = 0
    for first in range(0, pixels.shape[0], 32):
        is_even = _near(pixels[first : first + 32], shade, _SHADE_SPREAD) >= _EVEN_SHARE
        even += len(is_even) if is_even.all() else int(np.argmin(is_even))
        if not is_even.all():
            break
    if even in (0, pixels.shape[0]):  # none, or all: nothing follows that could be shaken
        return even
    spread = _SHAKEN_SPREAD_OF_WHITE if shade > _WHITE else _SHAKEN_SPREAD
    is_shaken = _near(pixels[even : even + _SHAKEN_PX], shade, spread) >= _SHAKEN_SHARE
    return even + (len(is_shaken) if is_shaken.all() else int(np.argmin(is_shaken)))


def _near(rows: Grey, shade: int, spread: int) -> NDArray[np.float64]:
    """For each row, the share of its pixels that lie so near to the shade."""
    is_near = cv2.inRange(np.ascontiguousarray(rows), shade - spread, shade + spread)
    return np.asarray((is_near > 0).mean(axis=1), dtype=np.float64)


def _pasted(pixels: Grey) -> list[Box]:
    """What lies on paper: boxes that are filled to their edges. Lines of text fill no such box."""
    shade = _paper_shade(pixels)
    if shade is None:
        return []
    is_drawn = 255 - cv2.inRange(pixels, shade - _PAPER_SPREAD, shade + _PAPER_SPREAD)
    around = np.ones((_JOINED_PX, _JOINED_PX), np.uint8)
    closed = cv2.morphologyEx(is_drawn, cv2.MORPH_CLOSE, around)
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))  # thin frames and letters go
    count, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    found = []
    for number in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[number])
        if width * height >= _PASTED_SHARE * pixels.size and area >= _PASTED_FILL * width * height:
            found.append(Box(top, left, top + height, left + width))
    return found


def _paper_shade(pixels: Grey) -> int | None:
    """The shade of paper: it is more of the picture than any grey of tissue, and it is even where it is."""
    shares: NDArray[np.float64] = np.bincount(pixels[::2, ::2].ravel(), minlength=256) / pixels[::2, ::2].size
    nearby = np.convolve(shares, np.ones(2 * _PAPER_SPREAD + 1), mode="same")
    shade = int(nearby[_DARKEST_PAPER:].argmax()) + _DARKEST_PAPER
    if nearby[shade] < _PAPER_SHARE:
        return None
    is_near = cv2.inRange(pixels, shade - _PAPER_SPREAD, shade + _PAPER_SPREAD)
    is_even = cv2.erode(is_near, np.ones((7, 7), np.uint8))
    return shade if float((is_even > 0).mean()) >= _PAPER_SHARE * 0.7 else None
