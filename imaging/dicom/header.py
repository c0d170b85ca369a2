"""What a DICOM file says about its pixels before they are read.

Contradictions of known kinds are read as the lengths say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from imaging.dicom.frames import fewer
from imaging.dicom.optional import value_of, whole, words
from imaging.errors import RefusedUpload
from imaging.formats.validate import check_size

MODALITIES = {"", "US", "OT", "SC"}
MOST_FRAMES = 3000
_UNDEFINED_LENGTH = 0xFFFFFFFF
_CHANNELS = ("Red", "Green", "Blue")
_GREY = {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}
_LUMA = {"YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422", "YBR_ICT", "YBR_RCT"}
_COLOUR = _LUMA | {"RGB"}
RELABELLED = "The file's header and its pixels do not fit together; the pixels were read as their length says."
_NO_PICTURE = "The DICOM file holds no picture: it may be a report, or measurements."
_A_PDF = "The DICOM file holds a PDF, not a picture."
_SAMPLED = 4096  # pixels that tell red, green and blue from luma and chroma


@dataclass(frozen=True)
class Layout:
    """How pixels lie: rows and columns of a frame, samples of a pixel (1 or 3), what these mean, bits, frames."""

    rows: int
    columns: int
    samples: int
    interpretation: str
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    frames: int
    notices: tuple[str, ...] = ()


def layout_of(dataset: Dataset, is_native: bool, max_pixels: int) -> Layout:
    """Accept or refuse a data set by its header, before any pixel is decoded.

    Args:
        is_native: the pixels are not compressed, so that their number is known from their length.

    Returns:
        Also what the data set now says, where header and pixels contradicted each other.

    Raises:
        RefusedUpload: `no_image_inside`, `not_ultrasound`, `bad_dicom` (422), `too_many_frames` (413), and those of
            `validate.check_size`.
    """
    _check_kind(dataset)
    for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored"):
        if name not in dataset or dataset[name].VR != "US" or not isinstance(dataset[name].value, int):
            raise RefusedUpload("bad_dicom", f"The DICOM file gives no usable {name}.")
    if dataset.BitsAllocated not in (8, 16) or not 1 <= dataset.BitsStored <= dataset.BitsAllocated:
        raise RefusedUpload("bad_dicom", "Only DICOM pictures of 8 or 16 bits are read.")
    if dataset.SamplesPerPixel not in (1, 3):
        raise RefusedUpload("bad_dicom", "The DICOM file's pixels have neither one value nor three.")
    check_size(dataset.Columns, dataset.Rows, max_pixels)
    said = _frames_said(dataset)
    interpretation, notices = _interpretation(dataset)
    if is_native:
        interpretation, more = _by_length(dataset, interpretation, said)
        notices = notices or more
    frames = _frames_held(dataset, said, interpretation) if is_native else said
    notices = (*notices, *fewer(said, frames))
    if interpretation == "PALETTE COLOR":
        _check_palette(dataset)
    return Layout(
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, interpretation, dataset.BitsAllocated,
        dataset.BitsStored, whole(dataset, "PixelRepresentation") == 1, frames, notices,
    )  # fmt: skip


def _check_kind(dataset: Dataset) -> None:
    modality = next(iter(words(dataset, "Modality")), "")
    if modality not in MODALITIES and "PixelData" in dataset:
        # Quoted only where it looks like a modality: it is text that somebody else wrote.
        named = modality if modality.isalnum() and modality.isascii() and len(modality) <= 4 else "something else"
        raise RefusedUpload("not_ultrasound", f"The DICOM file says that it is {named}, not ultrasound (US).")
    if "PixelData" not in dataset:
        held = _A_PDF if value_of(dataset, "SOPClassUID") == EncapsulatedPDFStorage else _NO_PICTURE
        raise RefusedUpload("no_image_inside", f"{held} Send a file of the same study that holds a picture.")


def _frames_said(dataset: Dataset) -> int:
    frames = whole(dataset, "NumberOfFrames")
    if frames is None:
        return 1
    if frames > MOST_FRAMES:
        raise RefusedUpload("too_many_frames", f"The clip has {frames} frames; at most {MOST_FRAMES} are read.", 413)
    if frames < 1:
        raise RefusedUpload("bad_dicom", "The DICOM file says that it has no frames.")
    return frames


def _interpretation(dataset: Dataset) -> tuple[str, tuple[str, ...]]:
    """What the samples mean; a label for another number of samples is corrected."""
    said = next(iter(words(dataset, "PhotometricInterpretation")), "")
    if said and said not in _GREY | _COLOUR:
        raise RefusedUpload("bad_dicom", "The DICOM file's colours are of a kind that is not read here.")
    if dataset.SamplesPerPixel == 3 and said not in _COLOUR:
        return "RGB", (RELABELLED,)
    if dataset.SamplesPerPixel == 1 and said not in _GREY:
        return "MONOCHROME2", (RELABELLED,)
    return said, ()


def _by_length(dataset: Dataset, interpretation: str, frames: int) -> tuple[str, tuple[str, ...]]:
    """Luma and chroma that are said to be halved, yet are there in full: archives that decompress leave the label."""
    if interpretation not in _LUMA - {"YBR_FULL"}:
        return interpretation, ()
    whole_frame = _frame_bytes(dataset, "YBR_FULL")
    if len(dataset.PixelData) >= frames * whole_frame:
        return _told_by_values(dataset.PixelData[:whole_frame]), (RELABELLED,)
    if interpretation != "YBR_FULL_422":
        raise RefusedUpload("bad_dicom", "The DICOM file's colours are of a kind that is not read here.")
    return interpretation, ()


def _told_by_values(frame: bytes) -> str:
    """Whether triples are luma and chroma or red, green and blue: ultrasound is grey, so that chroma is near 128."""
    triples = np.frombuffer(frame, np.uint8, len(frame) // 3 * 3).reshape(-1, 3)
    some = triples[:: max(1, len(triples) // _SAMPLED)].astype(np.int16)
    from_chroma = np.abs(some[:, 1:] - 128).mean()
    from_grey = np.abs(some[:, 1:] - some[:, :1]).mean()
    return "YBR_FULL" if from_chroma < from_grey else "RGB"


def _frame_bytes(dataset: Dataset, interpretation: str) -> int:
    values = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    return int(values * 2 // 3 if interpretation == "YBR_FULL_422" else values * dataset.BitsAllocated // 8)


def _frames_held(dataset: Dataset, said: int, interpretation: str) -> int:
    """How many whole frames there are; a clip whose last one is missing or cut keeps the others.

    pydicom does not check the length of the element: it takes what is left of the file.

    Raises:
        RefusedUpload: `bad_dicom`, not one is whole.
    """
    element = dataset.get_item("PixelData")
    length = len(dataset.PixelData)
    held = length // _frame_bytes(dataset, interpretation)
    is_cut = isinstance(element, RawDataElement) and element.length not in (_UNDEFINED_LENGTH, length)
    if held < 1 or (is_cut and said == 1):
        raise RefusedUpload("bad_dicom", "The DICOM file breaks off within the picture.")
    return min(said, held)


def _check_palette(dataset: Dataset) -> None:
    """The three tables of a palette are of one kind: pydicom takes the first one's description for all of them."""
    described = [value_of(dataset, f"{name}PaletteColorLookupTableDescriptor") for name in _CHANNELS]
    lengths = {len(value_of(dataset, f"{name}PaletteColorLookupTableData") or b"") for name in _CHANNELS}
    if described[0] is None or any(other != described[0] for other in described) or len(lengths) > 1:
        raise RefusedUpload("bad_dicom", "The DICOM file's colour tables do not hold together.")
