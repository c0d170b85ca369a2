"""Outlines and layers that are laid over a picture."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.picture import Origin
from imaging.postprocess import contours_of
from imaging.preprocess import Grey

Rgb = NDArray[np.uint8]

# Cyan does not occur in grey pictures and is told apart from grey by people with any kind of colour vision;
# a dark rim keeps it visible on bright tissue.
OUTLINE = (0, 229, 255)
RIM = (0, 32, 48)
_FILL_OPACITY = 96


def outline(pixels: Grey, mask: NDArray[np.bool_] | None) -> Rgb:
    """Draw the outline of a lesion on its picture.

    Args:
        pixels: uint8 `H x W`; mask: bool `H x W`, None where nothing is known of a lesion.

    Returns:
        uint8 `H x W x 3`, red green blue.
    """
    canvas = np.repeat(pixels[:, :, None], 3, axis=2)
    thickness = _thickness(pixels.shape)
    outlines = [] if mask is None else contours_of(mask)
    cv2.drawContours(canvas, outlines, -1, RIM, thickness + 2, cv2.LINE_AA)
    cv2.drawContours(canvas, outlines, -1, OUTLINE, thickness, cv2.LINE_AA)
    return canvas


def layer_png(mask: NDArray[np.bool_], style: str = "outline") -> bytes:
    """A transparent layer as PNG bytes, with a palette: a fourth of the memory of four channels.

    Args:
        mask: bool `H x W`.
        style: outline or fill.
    """
    if style == "fill":
        return _palette_png(mask.astype(np.uint8), np.array([(0, 0, 0, 0), (*OUTLINE, _FILL_OPACITY)], np.uint8))
    stroke, rim = np.zeros(mask.shape, np.uint8), np.zeros(mask.shape, np.uint8)
    thickness, outlines = _thickness(mask.shape), contours_of(mask)
    cv2.drawContours(rim, outlines, -1, 255, thickness + 2, cv2.LINE_AA)
    cv2.drawContours(stroke, outlines, -1, 255, thickness, cv2.LINE_AA)
    # the lower half of the palette is the rim, ever more opaque; the upper half the stroke, which lies on a whole rim
    shades: NDArray[np.uint8] = np.right_shift(rim, 1)
    cv2.copyTo(128 + np.right_shift(stroke, 1), stroke, shades)
    return _palette_png(shades, _outline_palette())


def heat_png(heat: Grey) -> bytes:
    """Colours a class activation map; the weaker, the more transparent.

    Args:
        heat: uint8 `H x W`, 0 to 255.

    Returns:
        PNG bytes with a palette.
    """
    every = np.arange(256, dtype=np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(every[:, None], cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)[:, 0]
    return _palette_png(heat, np.column_stack([colours, every]).astype(np.uint8))


def _outline_palette() -> NDArray[np.uint8]:
    """uint8 `256 x 4`: 0 is nothing, to 127 the rim with growing opacity, from 128 on rim turning into stroke."""
    share = np.linspace(0.0, 1.0, 128)[:, None]
    rim = np.column_stack([np.tile(RIM, (128, 1)), share * 255])
    stroke = np.column_stack([share * np.array(OUTLINE) + (1.0 - share) * np.array(RIM), np.full(128, 255)])
    return np.asarray(np.rint(np.vstack([rim, stroke])), dtype=np.uint8)


def _palette_png(shades: NDArray[np.uint8], palette: NDArray[np.uint8]) -> bytes:
    """PNG bytes of uint8 `H x W` numbers into a palette, uint8 `N x 4` with opacity."""
    image = Image.fromarray(shades, "P")
    image.putpalette(palette[:, :3].tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1, transparency=palette[:, 3].tobytes())
    return buffer.getvalue()


def _thickness(shape: tuple[int, ...]) -> int:
    """Line width in px: one up to 500 px of the longer side, then growing with it."""
    return max(1, round(max(shape[:2]) / 500))


def in_file(mask: NDArray[np.bool_], origin: Origin) -> NDArray[np.bool_]:
    """A mask of the picture as one of its file's own frame: there it lies on what was sent.

    Args:
        mask: bool `H x W`, of the picture.

    Returns:
        bool `file_height x file_width`.
    """
    whole = np.zeros((origin.file_height, origin.file_width), dtype=bool)
    part = cv2.resize(mask.astype(np.uint8), (origin.width, origin.height), interpolation=cv2.INTER_NEAREST)
    whole[origin.top : origin.top + origin.height, origin.left : origin.left + origin.width] = part > 0
    return whole
