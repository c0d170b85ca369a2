"""From the bytes of an upload to a `Picture`: grey pixels, a spacing where the file gives one, and nothing else.

No header, name, date or identifier of the file leaves this module. It is meant for a child process with limits
(`imaging.files.decoder_process`), since whatever bytes somebody sends go through the parsers called here.
"""

from __future__ import annotations

import warnings

from PIL import Image

from imaging.errors import RefusedUpload
from imaging.files import deidentify
from imaging.formats import raster
from imaging.formats.validate import kind_of
from imaging.picture import Picture

DAMAGED = "The picture is damaged or incomplete. Export or download it again."
_BAD_DICOM = "The DICOM file is damaged or does not follow the standard."


def decode(content: bytes, max_pixels: int, frame: int | None = None) -> Picture:
    """Decode one upload.

    Args:
        content: the file's bytes.
        max_pixels: largest accepted picture, checked on the header before decoding.
        frame: which frame of a DICOM clip, counted from 0; None takes the middle one. Of other files with several
            pictures only the first is read.

    Raises:
        RefusedUpload: with a code, a sentence fit to be shown, and an HTTP status.
    """
    kind = kind_of(content)
    try:
        # Parsers of old formats warn where they guess; what they say may quote the file, so it goes nowhere.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = _read(content, kind, max_pixels, frame)
    except RefusedUpload:
        raise
    except Image.DecompressionBombError:
        raise RefusedUpload("too_many_pixels", "The picture has more pixels than are read here.", 413) from None
    except MemoryError:
        raise RefusedUpload("too_many_pixels", "The picture needs more memory than is allowed here.", 413) from None
    except Exception:  # parsers answer damaged bytes with dozens of exception types; all mean the same to a person
        raise _damaged(kind) from None
    return deidentify.without_text_bands(picture)


def _read(content: bytes, kind: str, max_pixels: int, frame: int | None) -> Picture:
    if kind == "dicom":
        # Imported late: pydicom takes longer to import than everything else here together.
        from imaging.dicom import reading

        return reading.read(content, max_pixels, frame)
    found = raster.read(content, kind, max_pixels)
    if frame and found.frames > 1:
        raise RefusedUpload("no_such_frame", "Only the first picture of such a file is read. Export the one you mean.")
    return Picture(found.pixels, kind, found.colour_share, frames=found.frames, notices=found.notices)


def _damaged(kind: str) -> RefusedUpload:
    if kind == "dicom":
        return RefusedUpload("bad_dicom", _BAD_DICOM)
    return RefusedUpload("damaged_image", DAMAGED)
