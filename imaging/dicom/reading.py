"""DICOM ultrasound, read with pydicom: one frame as grey pixels, and its spacing. Nothing else is taken from the file.

Transfer syntaxes are an allowlist. Deflated files, DICOMDIR and codecs without a reader here are refused by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.filereader import dcmread
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEGBaseline8Bit

from imaging.dicom.header import check_header, checked_transfer_syntax, chosen_frame
from imaging.dicom.regions import cut_to_region, spacing_of
from imaging.errors import RefusedUpload
from imaging.formats import intensity, raster
from imaging.formats.pieces import MOST_DICOM_READS, CountedFile, check_fragments, check_regions
from imaging.formats.validate import check_size
from imaging.picture import Picture
from imaging.preprocess import Grey

_MONOCHROME = {"MONOCHROME1", "MONOCHROME2"}
_COLOUR = {"PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422"}
# Only these are parsed: what is never read can't leak.
_TAGS: list[Any] = [
    "Modality", "Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData",
    "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData",
    "SequenceOfUltrasoundRegions", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
]  # fmt: skip


def read(content: bytes, max_pixels: int, frame: int | None) -> Picture:
    """Read one frame of a DICOM file.

    Args:
        frame: counted from 0; None takes the middle one.

    Raises:
        RefusedUpload: `transfer_syntax`, `dicom_directory` (415), `no_image_inside`, `bad_dicom`, `no_such_frame`,
            `not_ultrasound`, `too_many_pieces` (422), `too_many_frames` (413), and those of `validate.check_size`.
        Exception: whatever pydicom raises on damaged bytes; `decode.decode` turns it into `bad_dicom`.
    """
    syntax = checked_transfer_syntax(content)
    dataset = dcmread(CountedFile(content, MOST_DICOM_READS), specific_tags=_TAGS)
    if "SequenceOfUltrasoundRegions" in dataset:
        check_regions(dataset.get_item("SequenceOfUltrasoundRegions").value)
    check_header(dataset, max_pixels)
    if syntax.is_compressed:
        check_fragments(dataset.PixelData)
    frames = int(dataset.get("NumberOfFrames") or 1)
    chosen = chosen_frame(frame, frames)
    if syntax == JPEGBaseline8Bit:
        pixels, share = _grey_of_jpeg(dataset, chosen, frames, max_pixels)
    else:
        # Raw and as a view: other colours become red, green and blue below, a band at a time.
        pixels, share = _grey(dataset, pixel_array(dataset, index=chosen, raw=True, view_only=True))
    pixels, region_notices = cut_to_region(dataset, pixels)
    check_size(pixels.shape[1], pixels.shape[0], max_pixels)
    spacing, spacing_notices = spacing_of(dataset)
    notices = _frame_notices(frame, chosen, frames) + region_notices + spacing_notices
    return Picture(pixels, "dicom", share, spacing, chosen, frames, notices)


def _frame_notices(asked: int | None, chosen: int, frames: int) -> tuple[str, ...]:
    if frames == 1:
        return ()
    which = f"Frame {chosen + 1} of {frames} was read"
    return (f"{which}, the middle one.",) if asked is None else (f"{which}, as asked.",)


def _grey(dataset: Dataset, stored: NDArray[Any]) -> tuple[Grey, float]:
    interpretation, bits = _interpretation(dataset), int(dataset.BitsStored)
    if interpretation in _MONOCHROME and stored.ndim == 2:
        return _monochrome(dataset, stored, bits), 0.0
    if not _is_colour(interpretation, stored):
        raise RefusedUpload("bad_dicom", "The DICOM file's colours are of a kind that is not read here.")

    def rgb(top: int, bottom: int) -> Image.Image:
        return Image.fromarray(_rgb(dataset, interpretation, stored[top:bottom], bits))

    return intensity.grey_of_rgb(stored.shape[0], stored.shape[1], rgb)


def _is_colour(interpretation: str, stored: NDArray[Any]) -> bool:
    return stored.ndim == (2 if interpretation == "PALETTE COLOR" else 3) and interpretation in _COLOUR


def _rgb(dataset: Dataset, interpretation: str, stored: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Rows as stored, in red, green and blue with 8 bits."""
    if interpretation == "PALETTE COLOR":
        stored, bits = apply_color_lut(stored, dataset), _palette_bits(dataset)
    elif interpretation != "RGB":
        stored = convert_color_space(stored, interpretation, "RGB")
    return intensity.grey_of_stored(stored[..., :3], bits, is_signed=False)


def _grey_of_jpeg(dataset: Dataset, frame: int, frames: int, max_pixels: int) -> tuple[Grey, float]:
    """One frame of a JPEG clip, read by the one JPEG reader that is used here; pydicom's would try others too."""
    content = get_frame(dataset.PixelData, frame, number_of_frames=frames)
    found = raster.read(content, "jpeg", max_pixels)
    if found.pixels.shape != (dataset.Rows, dataset.Columns):
        raise RefusedUpload("bad_dicom", "The DICOM file's picture is not of the size that its header says.")
    if _interpretation(dataset) in _MONOCHROME:
        return _monochrome(dataset, found.pixels, 8), found.colour_share
    return found.pixels, found.colour_share


def _interpretation(dataset: Dataset) -> str:
    return str(dataset.get("PhotometricInterpretation", "")).strip()


def _monochrome(dataset: Dataset, stored: NDArray[Any], bits: int) -> Grey:
    """Stored values as the file wants them shown: windowed, and turned round where its lowest value is white."""
    grey = _windowed(dataset, stored, bits)
    return 255 - grey if _interpretation(dataset) == "MONOCHROME1" else grey


def _windowed(dataset: Dataset, stored: NDArray[Any], bits: int) -> Grey:
    is_signed = int(dataset.get("PixelRepresentation", 0) or 0) == 1
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if centre is None or width is None:
        return intensity.grey_of_stored(stored, bits, is_signed)
    slope, intercept = _first(dataset, "RescaleSlope"), _first(dataset, "RescaleIntercept")
    return intensity.grey_of_window(stored, centre, width, 1.0 if slope is None else slope, intercept or 0.0)


def _palette_bits(dataset: Dataset) -> int:
    """Bits of a palette's entries: pydicom hands them out as stored, 8 or 16 bits wide."""
    return 8 if int(dataset.RedPaletteColorLookupTableDescriptor[2]) == 8 else 16


def _first(dataset: Dataset, name: str) -> float | None:
    """The first value of a number that may be several, None where it is missing or not finite."""
    value = dataset.get(name)
    if value is None or value == "":
        return None
    number = float(value if isinstance(value, (int, float, str)) else value[0])
    return number if np.isfinite(number) else None
