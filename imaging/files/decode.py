"""From the bytes of an upload to a `Picture`: grey pixels, a spacing where the file gives one, and nothing else.

No header, name, date or identifier of the file leaves this module. It is meant for a child process with limits
(`imaging.files.decoder_process`), since whatever bytes somebody sends go through the parsers called here.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

from PIL import Image

from imaging.errors import RefusedUpload
from imaging.files import finding
from imaging.files.packed import unpacked
from imaging.formats import raster
from imaging.formats.validate import kind_of
from imaging.picture import Picture

DAMAGED = "The picture is damaged or incomplete. Export or download it again."
_BYTES_A_PIXEL, _SPARE_BYTES = 4, 4 << 20  # of what a packed file may unpack to
_BAD_DICOM = "The DICOM file is damaged or does not follow the standard."


def decode(content: bytes, max_pixels: int, frame: int | None = None) -> Picture:
    """Decode one upload.

    Args:
        content: the file's bytes.
        max_pixels: largest accepted picture, checked on the header before decoding.
        frame: which frame or picture of a file that holds several, counted from 0; None takes one that shows
            something: of a DICOM clip near the middle, of other files from the first on.

    Raises:
        RefusedUpload: with a code, a sentence fit to be shown, and an HTTP status.
    """
    file = unpacked(content, _BYTES_A_PIXEL * max_pixels + _SPARE_BYTES)
    kind = kind_of(file.content)
    try:
        # Parsers of old formats warn where they guess; what they say may quote the file, so it goes nowhere.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = _read(file.content, kind, max_pixels, frame)
    except RefusedUpload as refusal:
        if kind == "dicom" and refusal.code == "damaged_image":  # of a compressed picture within
            raise RefusedUpload("bad_dicom", f"The DICOM file holds this: {refusal.sentence}") from None
        raise
    except Image.DecompressionBombError:
        raise RefusedUpload("too_many_pixels", "The picture has more pixels than are read here.", 413) from None
    except MemoryError:
        raise RefusedUpload("too_many_pixels", "The picture needs more memory than is allowed here.", 413) from None
    except Exception:  # parsers answer damaged bytes with dozens of exception types; all mean the same to a person
        raise _damaged(kind) from None
    return finding.found(replace(picture, notices=(*file.notices, *picture.notices)))


def _read(content: bytes, kind: str, max_pixels: int, frame: int | None) -> Picture:
    if kind == "dicom":
        # Imported late: pydicom takes longer to import than everything else here together.
        from imaging.dicom import reading

        return reading.read(content, max_pixels, frame)
    found = raster.read(content, kind, max_pixels, frame)
    return Picture(
        found.pixels, kind, found.colour_share, frame=found.frame, frames=found.frames, notices=found.notices
    )


def _damaged(kind: str) -> RefusedUpload:
    if kind == "dicom":
        return RefusedUpload("bad_dicom", _BAD_DICOM)
    return RefusedUpload("damaged_image", DAMAGED)
