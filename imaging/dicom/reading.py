"""DICOM ultrasound, read with pydicom: one frame as grey pixels, and its scale. Nothing else is taken from the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from imaging.dicom import codecs, display, frames, scale, subject
from imaging.dicom.header import Layout, layout_of
from imaging.dicom.opening import NATIVE, STREAMS, opened
from imaging.dicom.regions import Tissue, cut_to, tissue_of
from imaging.errors import RefusedUpload
from imaging.formats import intensity
from imaging.formats.validate import check_size
from imaging.picture import Picture
from imaging.preprocess import Grey

_PALETTE = tuple(f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue"))
_MONOCHROME = {"MONOCHROME1", "MONOCHROME2"}
# Only these are parsed: what is never read can't leak.
_TAGS: list[BaseTag | int] = [Tag(name) for name in (
    "Modality", "Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "RescaleSlope", "RescaleIntercept",
    "ModalityLUTSequence", "PresentationLUTShape", "PresentationLUTSequence",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData", "SegmentedBluePaletteColorLookupTableData",
    "SequenceOfUltrasoundRegions", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor", "PixelAspectRatio",
    "SOPClassUID", "ImageType", "BodyPartExamined", "AnatomicRegionSequence", "TransducerType", "HeartRate",
    "PatientSex",
)]  # fmt: skip


@dataclass(frozen=True)
class _Shown:
    """A frame as grey pixels, cut to its tissue."""

    pixels: Grey
    colour_share: float
    notices: tuple[str, ...]


def read(content: bytes, max_pixels: int, frame: int | None) -> Picture:
    """Read one frame of a DICOM file.

    Args:
        frame: counted from 0; None takes the one nearest to the middle that shows something.

    Raises:
        RefusedUpload: `transfer_syntax`, `dicom_directory` (415), `no_image_inside`, `bad_dicom`, `no_such_frame`,
            `not_ultrasound` (422), `too_many_frames` (413), and those of `validate.check_size`.
        Exception: whatever pydicom or a codec raises on damaged bytes; `decode.decode` turns it into `bad_dicom`.
    """
    file = opened(content, _TAGS, max_pixels)
    dataset, is_native = file.dataset, file.syntax in NATIVE
    layout = layout_of(dataset, is_native, max_pixels)
    count, held = _held(dataset, file.syntax, layout)
    frames.check_asked(frame, count)
    tissue = tissue_of(dataset, layout.rows, layout.columns)
    chosen, found = _chosen(dataset, file.syntax, layout, tissue, frame, count, max_pixels)
    place = tissue.origin(layout.rows, layout.columns)
    size = scale.scale_of(dataset, tissue, place)
    pixels, shrunk = scale.squared(found.pixels, size.stretch, max_pixels)
    check_size(pixels.shape[1], pixels.shape[0], max_pixels)
    spacing = None if size.spacing is None else scale.shrunk(size.spacing, shrunk)
    notices = (
        *frames.which(frame, chosen, count), *file.notices, *layout.notices, *held, *found.notices, *tissue.notices,
        *size.notices, *subject.notices_of(dataset),
    )  # fmt: skip
    objection = subject.objection_of(dataset) or size.objection or tissue.objection
    return Picture(
        pixels, "dicom", found.colour_share, spacing, chosen, count, tuple(dict.fromkeys(notices)), place, objection
    )


def _held(dataset: Dataset, syntax: UID, layout: Layout) -> tuple[int, tuple[str, ...]]:
    """How many frames are there; where compressed ones are fewer than said, the data set keeps what is whole."""
    if syntax in NATIVE:
        _relabel(dataset, layout)
        return layout.frames, ()
    count, mended = frames.held(dataset.PixelData, layout.frames)
    if mended is not dataset.PixelData:
        dataset.PixelData = mended
    _relabel(dataset, layout)
    dataset.NumberOfFrames = count
    return count, frames.fewer(layout.frames, count)


def _relabel(dataset: Dataset, layout: Layout) -> None:
    """Let the data set say what its pixels are: pydicom goes by it."""
    dataset.PhotometricInterpretation = layout.interpretation
    dataset.NumberOfFrames = layout.frames
    dataset.PixelRepresentation = int(layout.is_signed)
    if layout.interpretation == "PALETTE COLOR" and dataset.original_encoding[1] is False:
        _swap_palette(dataset)
    if layout.samples == 3 and dataset.get("PlanarConfiguration") not in (0, 1):
        dataset.PlanarConfiguration = 0


def _swap_palette(dataset: Dataset) -> None:
    """pydicom takes a palette of 16 bits for little-endian words, whatever the file is."""
    if _palette_bits(dataset) == 16:
        for name in _PALETTE:
            if isinstance(words := dataset.get(name), bytes):
                dataset[name].value = np.frombuffer(words, ">u2").astype("<u2").tobytes()


def _chosen(
    dataset: Dataset, syntax: UID, layout: Layout, tissue: Tissue, asked: int | None, count: int, max_pixels: int
) -> tuple[int, _Shown]:
    """The frame that was asked for, else the first one that shows something; the middle one where none does."""
    first: tuple[int, _Shown] | None = None
    for frame in frames.order(count) if asked is None else (asked,):
        found = _shown(dataset, syntax, layout, tissue, frame, count, max_pixels)
        if asked is not None or count == 1 or not intensity.is_empty(found.pixels):
            return frame, found
        first = first or (frame, found)
    assert first is not None
    return first


def _shown(
    dataset: Dataset, syntax: UID, layout: Layout, tissue: Tissue, frame: int, count: int, max_pixels: int
) -> _Shown:
    if syntax in STREAMS:
        stream = codecs.decode_frame(
            frames.frame_of(dataset.PixelData, frame, count), layout.interpretation, max_pixels
        )
        if stream.values.shape[:2] != (layout.rows, layout.columns):
            raise RefusedUpload("bad_dicom", "The DICOM file's picture is not of the size that its header says.")
        values, bits, interpretation = stream.values, stream.bits, stream.interpretation
    else:
        # Raw and as a view: other colours become red, green and blue below, a band at a time.
        values = pixel_array(dataset, index=frame, raw=True, view_only=True)
        bits, interpretation = layout.bits_stored, layout.interpretation
    grey, share, notices = _grey(dataset, values, bits, interpretation)
    pixels, more = cut_to(tissue, grey)
    return _Shown(pixels, share, (*notices, *more))


def _grey(
    dataset: Dataset, stored: NDArray[Any], bits: int, interpretation: str
) -> tuple[Grey, float, tuple[str, ...]]:
    if interpretation in _MONOCHROME:
        if stored.ndim == 3:  # a grey picture that its codec keeps in three equal colours
            stored = stored[:, :, 0]
        grey, notices = display.shown(dataset, stored, bits, interpretation == "MONOCHROME1")
        return grey, 0.0, notices
    if stored.ndim == 2 and interpretation != "PALETTE COLOR":
        return intensity.grey_of_stored(stored, bits, is_signed=False), 0.0, ()

    def rgb(top: int, bottom: int) -> Image.Image:
        return Image.fromarray(_rgb(dataset, interpretation, stored[top:bottom], bits))

    return intensity.grey_of_rgb(stored.shape[0], stored.shape[1], rgb)


def _rgb(dataset: Dataset, interpretation: str, stored: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Rows as stored, in red, green and blue with 8 bits."""
    if interpretation == "PALETTE COLOR":
        stored, bits = apply_color_lut(stored, dataset), _palette_bits(dataset)
    elif interpretation != "RGB":
        stored = convert_color_space(stored, interpretation, "RGB")
    return intensity.grey_of_stored(stored[..., :3], bits, is_signed=False)


def _palette_bits(dataset: Dataset) -> int:
    """Bits of a palette's entries: pydicom hands them out as stored, 8 or 16 bits wide."""
    return 8 if int(dataset.RedPaletteColorLookupTableDescriptor[2]) == 8 else 16
