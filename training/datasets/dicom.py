"""Mammograms as DICOM: twelve to sixteen bits and thousands of pixels a side, more than any network here takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from imaging.preprocess import Grey, fitted, resize

LONGEST = 512  # px kept of the longer side, as in the compact MIAS


def grey(path: Path) -> Grey:
    """uint8 `H x W`: the file's smallest value black, its largest white, the longer side at most 512 px."""
    file = pydicom.dcmread(path)
    values = file.pixel_array.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    pixels = ((values - low) * (255 / max(high - low, 1.0))).round().astype(np.uint8)
    if file.PhotometricInterpretation == "MONOCHROME1":
        pixels = 255 - pixels
    return resize(pixels, *fitted(pixels.shape[0], pixels.shape[1], LONGEST))


def shape(path: Path) -> tuple[int, int]:
    """Rows and columns, read from the header alone."""
    header = pydicom.dcmread(path, stop_before_pixels=True)
    return int(header.Rows), int(header.Columns)
