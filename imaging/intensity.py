"""One rule each for turning colours, depths and transparency into uint8 grey.

- Colour becomes luma by ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), as Pillow's `convert("L")` rounds it.
- 9 to 16 stored bits keep their 8 highest bits: the full range of the type is scaled, never the range that happens
  to occur in a picture, so that the same echo always has the same grey.
- A DICOM window (centre, width) is applied where the file gives one (PS3.3 C.11.2.1.2.1, linear).
- Transparent pixels are laid on black.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import RefusedUpload
from imaging.preprocess import Grey

# A pixel counts as coloured when its largest and smallest channel differ by more: JPEG's rounding stays below 12.
COLOURED_ABOVE = 28
_SAMPLED_PIXELS = 1_000_000


def colour_share(rgb: NDArray[np.uint8]) -> float:
    """Share in 0..1 of coloured pixels in uint8 `H x W x 3`; large pictures are sampled on a regular grid."""
    step = max(1, round((rgb.shape[0] * rgb.shape[1] / _SAMPLED_PIXELS) ** 0.5))
    red, green, blue = (rgb[::step, ::step, channel] for channel in range(3))
    highest = np.maximum(np.maximum(red, green), blue)
    lowest = np.minimum(np.minimum(red, green), blue)
    return float(np.count_nonzero(highest - lowest > COLOURED_ABOVE) / highest.size)


def grey_of_rgb(rgb: NDArray[np.uint8]) -> Grey:
    """Luma of uint8 `H x W x 3`."""
    return np.asarray(Image.fromarray(rgb).convert("L"), dtype=np.uint8)


def grey_of_stored(values: NDArray[np.integer], bits: int, is_signed: bool) -> Grey:
    """Scale integers of `bits` stored bits (1 to 16) by the full range of their type to uint8."""
    unsigned = values.astype(np.int32) + (1 << (bits - 1) if is_signed else 0)
    clipped = np.clip(unsigned, 0, (1 << bits) - 1)
    if bits >= 8:
        return np.asarray(clipped >> (bits - 8), dtype=np.uint8)
    return np.asarray(np.rint(clipped * (255.0 / ((1 << bits) - 1))), dtype=np.uint8)


def grey_of_window(values: NDArray[np.floating], centre: float, width: float) -> Grey:
    """Apply a DICOM window: `centre`, `width` (at least 1) in units of `values`; result uint8.

    Raises:
        RefusedUpload: `bad_dicom`, a width below 1.
    """
    if not width >= 1:
        raise RefusedUpload("bad_dicom", "The DICOM file holds a window without width.")
    if width == 1:
        return np.where(values <= centre - 0.5, np.uint8(0), np.uint8(255))
    scaled = (values - (centre - 0.5)) / (width - 1.0) + 0.5
    return np.asarray(np.rint(np.clip(scaled, 0.0, 1.0) * 255.0), dtype=np.uint8)
