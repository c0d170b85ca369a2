"""From bytes to a data set of the few attributes that are read: with or without preamble and meta group, or deflated.

Codecs without a reader here and DICOMDIR are refused by name.
"""

from __future__ import annotations

import logging
import re
import zlib
from dataclasses import dataclass

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from imaging.dicom.codecs import WAY_OUT
from imaging.errors import RefusedUpload
from imaging.formats.pieces import (
    MOST_DICOM_READS,
    MOST_REGION_BYTES,
    MOST_TABLE_BYTES,
    CountedFile,
    check_sequence,
)
from imaging.formats.validate import BARE_STARTS, begins_data_set

# What pydicom warns about quotes the file, names of patients included.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

HTJ2K = UID("1.2.840.10008.1.2.4.203")
NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian}
STREAMS = {
    JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEGLSNearLossless,
    JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K,
}  # fmt: skip
READABLE = NATIVE | STREAMS | {RLELossless, DeflatedExplicitVRLittleEndian}
_FILMS = "1.2.840.10008.1.2.4.10"  # MPEG and HEVC: .100 to .108
_SEQUENCES = {
    "SequenceOfUltrasoundRegions": MOST_REGION_BYTES, "AnatomicRegionSequence": MOST_REGION_BYTES,
    "ModalityLUTSequence": MOST_TABLE_BYTES, "VOILUTSequence": MOST_TABLE_BYTES,
    "PresentationLUTSequence": MOST_TABLE_BYTES,
}  # fmt: skip
_PREFIX, _PREAMBLE = b"DICM", 128
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_UNDEFINED = re.compile(rb"\xe0\x7f\x10\x00(?:O[BW]\0\0)?\xff\xff\xff\xff")
_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_INFLATED_AT_ONCE = 1 << 20
_SPARE_BYTES = 4 << 20  # of a deflated file, for what is not pixels
BARE = "The DICOM file lacks its header; it was read as such files usually are meant."
OPEN_END = "The DICOM file has no end mark; what is there was read."


@dataclass(frozen=True)
class Opened:
    """The attributes that were asked for, how the pixels are encoded, and notices."""

    dataset: Dataset
    syntax: UID
    notices: tuple[str, ...]


def opened(content: bytes, tags: list[BaseTag | int], max_pixels: int) -> Opened:
    """Parse a file.

    Args:
        tags: what is parsed; all else is passed over.
        max_pixels: bounds what a deflated file may inflate to.

    Raises:
        RefusedUpload: `transfer_syntax`, `dicom_directory` (415), `bad_dicom` (422), `too_many_pixels` (413).
    """
    start = _start(content)
    meta, begin = _meta(content, start)
    syntax = _checked(meta, content, begin)
    is_bare = begin == start or content[_PREAMBLE : _PREAMBLE + 4] != _PREFIX
    if syntax == DeflatedExplicitVRLittleEndian:
        content, begin = _inflated(content[begin:], 3 * max_pixels + _SPARE_BYTES), 0
        syntax = ExplicitVRLittleEndian
    dataset = _parsed(content, begin, syntax, tags)
    notices = (BARE,) if is_bare else ()
    if "PixelData" not in dataset and _UNDEFINED.search(content, begin):
        dataset, notices = _parsed(content + _DELIMITER, begin, syntax, tags), (*notices, OPEN_END)
    return Opened(dataset, syntax, notices)


def _start(content: bytes) -> int:
    if content[_PREAMBLE : _PREAMBLE + 4] == _PREFIX:
        return _PREAMBLE + 4
    return next((start for start in BARE_STARTS if begins_data_set(content, start)), 0)


def _meta(content: bytes, start: int) -> tuple[FileMetaDataset, int]:
    """The meta group, empty where there is none, and where the data set begins."""
    file = CountedFile(content, MOST_DICOM_READS)
    file.seek(start)
    if content[start : start + 2] != b"\x02\0":
        return FileMetaDataset(), start
    found = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    return FileMetaDataset(found), file.tell()


def _checked(meta: FileMetaDataset, content: bytes, begin: int) -> UID:
    if str(meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY_CLASS:
        raise RefusedUpload(
            "dicom_directory",
            "This is a DICOMDIR, the index of a disc. Send one of the picture files that lie in the folders beside it; "
            "a free DICOM viewer, such as Weasis, opens the disc, shows which is which, and exports one as PNG.",
            415,
        )
    syntax = UID(str(meta.get("TransferSyntaxUID", "")))
    if not syntax:
        return _guessed(content, begin)
    if syntax in READABLE:
        return syntax
    if syntax.startswith(_FILMS) and len(syntax) > len(_FILMS):
        raise RefusedUpload("transfer_syntax", f"The DICOM file holds a film. Export one still of it. {WAY_OUT}", 415)
    name = syntax.name if syntax.is_transfer_syntax else "an unknown encoding"
    raise RefusedUpload(
        "transfer_syntax", f"The DICOM file is encoded as {name}, which is not read here. {WAY_OUT}", 415
    )


def _guessed(content: bytes, begin: int) -> UID:
    """How a data set is encoded whose file does not say it: by its first element.

    Raises:
        RefusedUpload: `bad_dicom`, no data set begins here.
    """
    if content[begin + 4 : begin + 6].isalpha() and content[begin + 4 : begin + 6].isupper():
        return ExplicitVRBigEndian if content[begin : begin + 1] == b"\0" else ExplicitVRLittleEndian
    if not begins_data_set(content, begin):
        raise RefusedUpload("bad_dicom", "The DICOM file does not say how it is encoded (transfer syntax).")
    return ImplicitVRLittleEndian


def _parsed(content: bytes, begin: int, syntax: UID, tags: list[BaseTag | int]) -> Dataset:
    file = CountedFile(content, MOST_DICOM_READS)
    file.seek(begin)
    is_little = syntax != ExplicitVRBigEndian
    dataset = read_dataset(file, syntax == ImplicitVRLittleEndian, is_little, specific_tags=tags)
    for name, most in _SEQUENCES.items():
        if name in dataset:
            check_sequence(dataset.get_item(name).value, most)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def _inflated(packed: bytes, most: int) -> bytes:
    """What a deflated data set inflates to. It is counted before it is kept: a bomb never is in memory.

    Raises:
        RefusedUpload: `too_many_pixels` (413), more than `most` bytes.
    """
    inflater, size, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, packed
    while rest and not inflater.eof:
        size += len(inflater.decompress(rest, _INFLATED_AT_ONCE))
        rest = inflater.unconsumed_tail
        if size > most:
            raise RefusedUpload(
                "too_many_pixels", f"The DICOM file unpacks to more than the {most // 1_000_000} MB that are read.", 413
            )
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed)
