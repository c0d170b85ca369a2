"""Outlines, layers and thumbnails that are laid over a picture."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.postprocess import contours_of
from imaging.preprocess import Grey, resize

Rgb = NDArray[np.uint8]
Rgba = NDArray[np.uint8]

# Cyan does not occur in grey pictures and is told apart from grey by people with any kind of colour vision;
# a dark rim keeps it visible on bright tissue.
OUTLINE = (0, 229, 255)
RIM = (0, 32, 48)
_FILL_OPACITY = 96


def outline(pixels: Grey, mask: NDArray[np.bool_]) -> Rgb:
    """Draw the outline of a lesion on its picture.

    Args:
        pixels: uint8 `H x W`; mask: bool `H x W`.

    Returns:
        uint8 `H x W x 3`, red green blue.
    """
    canvas = np.repeat(pixels[:, :, None], 3, axis=2)
    thickness = _thickness(pixels.shape)
    outlines = contours_of(mask)
    cv2.drawContours(canvas, outlines, -1, RIM, thickness + 2, cv2.LINE_AA)
    cv2.drawContours(canvas, outlines, -1, OUTLINE, thickness, cv2.LINE_AA)
    return canvas


def outline_rgba(mask: NDArray[np.bool_]) -> Rgba:
    """The outline alone on a transparent ground: uint8 `H x W x 4`."""
    stroke, rim = np.zeros(mask.shape, np.uint8), np.zeros(mask.shape, np.uint8)
    thickness, outlines = _thickness(mask.shape), contours_of(mask)
    cv2.drawContours(rim, outlines, -1, 255, thickness + 2, cv2.LINE_AA)
    cv2.drawContours(stroke, outlines, -1, 255, thickness, cv2.LINE_AA)
    weight = stroke[:, :, None].astype(np.float32) / 255.0
    colour = weight * np.array(OUTLINE, np.float32) + (1.0 - weight) * np.array(RIM, np.float32)
    opacity = np.maximum(stroke, rim)
    colour[opacity == 0] = 0
    return np.dstack([np.rint(colour).astype(np.uint8), opacity])


def fill_rgba(mask: NDArray[np.bool_]) -> Rgba:
    """The lesion's area as an even, half-transparent colour: uint8 `H x W x 4`."""
    layer = np.zeros((*mask.shape, 4), dtype=np.uint8)
    layer[mask] = (*OUTLINE, _FILL_OPACITY)
    return layer


def heat_rgba(heat: Grey) -> Rgba:
    """Colour a class activation map; the weaker, the more transparent.

    Args:
        heat: uint8 `H x W`, 0 to 255.

    Returns:
        uint8 `H x W x 4`.
    """
    colours = cv2.cvtColor(cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.dstack([colours, heat]).astype(np.uint8)


def layer_png(mask: NDArray[np.bool_], style: str = "outline") -> bytes:
    """A transparent layer as PNG bytes.

    Args:
        mask: bool `H x W`.
        style: outline or fill.
    """
    return png_bytes(fill_rgba(mask) if style == "fill" else outline_rgba(mask))


def thumbnail(pixels: Grey, mask: NDArray[np.bool_], size: int = 160) -> Rgb:
    """A small picture with its outline.

    Returns:
        uint8 `h x w x 3`, longer side `size` px (or the picture's own, when that is smaller).
    """
    scale = min(1.0, size / max(pixels.shape))
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    small_mask = resize(mask.astype(np.uint8) * 255, height, width) >= 128
    return outline(resize(pixels, height, width), small_mask)


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Uint8 grey, RGB or RGBA pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _thickness(shape: tuple[int, ...]) -> int:
    """Line width in px: one up to 500 px of the longer side, then growing with it."""
    return max(1, round(max(shape[:2]) / 500))
