"""The upload form: one picture or one of our samples, an optional frame number, an optional place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from wtforms import FileField, HiddenField, IntegerField, StringField

from app.forms.place import Whereabouts, whereabouts
from app.places.place import MAX_PLACE_LENGTH
from imaging.errors import RefusedUpload
from imaging.phantom import SAMPLES

ACCEPTED = (
    ".png,.jpg,.jpeg,.webp,.bmp,.gif,.tif,.tiff,.dcm,"
    "image/png,image/jpeg,image/webp,image/bmp,image/gif,image/tiff,application/dicom"
)
MAX_FRAME = 100_000


class UploadForm(FlaskForm):  # type: ignore[misc]
    """Draws the fields and carries the token; `read` below reads what comes back."""

    picture = FileField("Ultrasound picture", render_kw={"accept": ACCEPTED, "required": True})
    frame = IntegerField("Frame number", render_kw={"min": 1, "max": MAX_FRAME, "inputmode": "numeric"})
    place = StringField("Town or postcode", render_kw={"maxlength": MAX_PLACE_LENGTH, "autocomplete": "postal-code"})
    latitude = HiddenField()
    longitude = HiddenField()


@dataclass(frozen=True)
class Upload:
    """What was sent: bytes, or a file that holds them. `frame` is counted from 0; None lets the decoder choose."""

    content: bytes | IO[bytes]
    frame: int | None
    whereabouts: Whereabouts


def read(fields: Mapping[str, str], files: Sequence[FileStorage], samples: Path) -> Upload:
    """Read a submitted form.

    Args:
        fields: the form's texts. files: what came in the file fields. samples: folder of our sample pictures.

    Raises:
        RefusedUpload: no file, more than one, an unknown sample or a frame that is no number (400).
        BadPlace: see `whereabouts`.
    """
    place, frame = whereabouts(fields), _frame(fields.get("frame", ""))
    return Upload(_sample(fields["sample"], samples) if fields.get("sample") else _one(files), frame, place)


def _one(files: Sequence[FileStorage]) -> IO[bytes]:
    chosen = [file for file in files if file.filename]  # an empty file field sends a part without a name
    if not chosen:
        raise RefusedUpload("no_file", "Choose an ultrasound picture first.", 400)
    if len(chosen) > 1:
        raise RefusedUpload("one_file_only", "Send one picture at a time.", 400)
    return chosen[0].stream


def _sample(name: str, folder: Path) -> bytes:
    if name not in SAMPLES:
        raise RefusedUpload("unknown_sample", "There is no sample picture of that name.", 400)
    return (folder / f"synthetic-{name}.png").read_bytes()


def _frame(text: str) -> int | None:
    """The frame counted from 0, from what a person counts from 1."""
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MAX_FRAME):
        raise RefusedUpload("bad_frame", "The frame number is a whole number from 1 on. Leave it empty if unsure.", 400)
    return int(text) - 1
