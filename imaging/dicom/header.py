"""What a DICOM file says about itself before its pixels are read: encoding, size, modality, frames."""

from __future__ import annotations

import logging

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from imaging.errors import RefusedUpload
from imaging.formats.pieces import MOST_DICOM_READS, CountedFile
from imaging.formats.validate import check_size

# What pydicom warns about quotes the file, names of patients included.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

READABLE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEGBaseline8Bit}
MODALITIES = {"", "US", "OT", "SC"}
MOST_FRAMES = 3000
_PREAMBLE = 132
_UNDEFINED_LENGTH = 0xFFFFFFFF
_CHANNELS = ("Red", "Green", "Blue")
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"


def checked_transfer_syntax(content: bytes) -> UID:
    """The transfer syntax, when it is one that is read here.

    Only the file meta group is parsed: a deflated data set would be inflated by merely opening it.

    Raises:
        RefusedUpload: `transfer_syntax`, `dicom_directory` (415), `bad_dicom` (422).
    """
    file = CountedFile(content, MOST_DICOM_READS)
    file.seek(_PREAMBLE)
    meta = FileMetaDataset(read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2))
    syntax = UID(str(meta.get("TransferSyntaxUID", "")))
    if str(meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY_CLASS:
        raise RefusedUpload("dicom_directory", "This is a DICOMDIR index. Send one of the files it lists.", 415)
    if not syntax:
        raise RefusedUpload("bad_dicom", "The DICOM file does not say how it is encoded (transfer syntax).")
    if syntax not in READABLE:
        name = syntax.name if syntax.is_transfer_syntax else "an unknown encoding"
        raise RefusedUpload(
            "transfer_syntax",
            f"The DICOM file is encoded as {name}, which is not read here. Export it uncompressed or as PNG.",
            415,
        )
    return syntax


def check_header(dataset: Dataset, max_pixels: int) -> None:
    """Accept or refuse a data set by its header, before any pixel is decoded.

    Raises:
        RefusedUpload: `no_image_inside`, `not_ultrasound`, `bad_dicom` (422), and those of `validate.check_size`.
    """
    modality = str(dataset.get("Modality", "") or "").strip().upper()
    if "PixelData" not in dataset:
        raise RefusedUpload("no_image_inside", "The DICOM file holds no picture (a report or a document, perhaps).")
    if modality not in MODALITIES:
        # Quoted only where it looks like a modality: it is text that somebody else wrote.
        named = modality if modality.isalnum() and modality.isascii() and len(modality) <= 4 else "something else"
        raise RefusedUpload("not_ultrasound", f"The DICOM file says that it is {named}, not ultrasound (US).")
    for name in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored"):
        if name not in dataset or dataset[name].VR != "US" or not isinstance(dataset[name].value, int):
            raise RefusedUpload("bad_dicom", f"The DICOM file gives no usable {name}.")
    if dataset.BitsAllocated not in (8, 16) or not 1 <= dataset.BitsStored <= dataset.BitsAllocated:
        raise RefusedUpload("bad_dicom", "Only DICOM pictures of 8 or 16 bits are read.")
    _check_lengths(dataset)
    check_size(dataset.Columns, dataset.Rows, max_pixels)


def _check_lengths(dataset: Dataset) -> None:
    """The pixels are as long as their element says, and the three tables of a palette are of one kind.

    pydicom checks neither: it takes what is left of the file, and the first table's description for all three.

    Raises:
        RefusedUpload: `bad_dicom` (422).
    """
    pixels = dataset.get_item("PixelData")
    if isinstance(pixels, RawDataElement) and pixels.length not in (_UNDEFINED_LENGTH, len(pixels.value or b"")):
        raise RefusedUpload("bad_dicom", "The DICOM file breaks off within the picture.")
    if str(dataset.get("PhotometricInterpretation", "")).strip() == "PALETTE COLOR":
        described = [dataset.get(f"{name}PaletteColorLookupTableDescriptor") for name in _CHANNELS]
        lengths = {len(dataset.get(f"{name}PaletteColorLookupTableData") or b"") for name in _CHANNELS}
        if described[0] is None or any(other != described[0] for other in described) or len(lengths) > 1:
            raise RefusedUpload("bad_dicom", "The DICOM file's colour tables do not hold together.")


def chosen_frame(frame: int | None, frames: int) -> int:
    """The frame to read: the one that was asked for, else the middle one.

    Raises:
        RefusedUpload: `too_many_frames` (413), `no_such_frame`, `bad_dicom` (422).
    """
    if frames > MOST_FRAMES:
        raise RefusedUpload("too_many_frames", f"The clip has {frames} frames; at most {MOST_FRAMES} are read.", 413)
    if frames < 1:
        raise RefusedUpload("bad_dicom", "The DICOM file says that it has no frames.")
    if frame is None:
        return frames // 2
    if not 0 <= frame < frames:
        raise RefusedUpload("no_such_frame", f"The clip has {frames} frames; there is no frame {frame + 1}.")
    return frame
