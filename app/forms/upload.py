"""The upload form: one picture or one of our samples, an optional frame number, an optional place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from wtforms import Field, FileField, Form, IntegerField, StringField
from wtforms.validators import StopValidation

from app.forms.faults import Fault, first_fault
from app.forms.place import PlaceForm, Whereabouts
from imaging.errors import RefusedUpload
from imaging.phantom import SAMPLES

ACCEPTED = (
    ".png,.jpg,.jpeg,.webp,.bmp,.gif,.tif,.tiff,.dcm,"
    "image/png,image/jpeg,image/webp,image/bmp,image/gif,image/tiff,application/dicom"
)
MAX_FRAME = 100_000
NO_FILE = Fault("no_file", "Choose an ultrasound picture first.")
ONE_FILE_ONLY = Fault("one_file_only", "Send one picture at a time.")
UNKNOWN_SAMPLE = Fault("unknown_sample", "There is no sample picture of that name.")
BAD_FRAME = Fault("bad_frame", "The frame number is a whole number from 1 on. Leave it empty if unsure.")


@dataclass(frozen=True)
class Upload:
    """What was sent: bytes, or a file that holds them. `frame` is counted from 0; None lets the decoder choose."""

    content: bytes | IO[bytes]
    frame: int | None
    whereabouts: Whereabouts


def frame_number(text: str) -> int | None:
    """A frame as people count, from 1; None for what is no such number."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_FRAME)) and 1 <= int(text) <= MAX_FRAME
    return int(text) if is_number else None


class FrameField(IntegerField):  # type: ignore[misc]
    """A frame as people count, from 1; plain digits only, where Python would also read " 1_0" or other scripts'."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the digits; empty leaves the choice to the decoder."""
        text = valuelist[0].strip() if valuelist else ""
        self.data = frame_number(text)
        if text and self.data is None:
            raise ValueError(BAD_FRAME)


def is_known(_form: Form, field: Field) -> None:
    """A sample is one of ours."""
    if field.data and field.data not in SAMPLES:
        raise StopValidation(UNKNOWN_SAMPLE)


def is_one(form: Form, field: Field) -> None:
    """One file and no more, unless a sample was asked for; an empty file field sends a part without a name."""
    chosen = [file for file in field.raw_data or () if getattr(file, "filename", "")]
    if form["sample"].data:
        return
    if not chosen:
        raise StopValidation(NO_FILE)
    if len(chosen) > 1:
        raise StopValidation(ONE_FILE_ONLY)
    field.data = chosen[0]


class UploadForm(PlaceForm):
    """Draws the fields, judges what comes back, and reads it; the token is checked before any view runs."""

    frame = FrameField("Frame number", render_kw={"min": 1, "max": MAX_FRAME, "inputmode": "numeric"})
    sample = StringField(validators=[is_known])
    picture = FileField("Ultrasound picture", [is_one], render_kw={"accept": ACCEPTED, "required": True})

    def read(self, samples: Path) -> Upload:
        """What was sent.

        Args:
            samples: folder of our sample pictures.

        Raises:
            RefusedUpload: a field can't be taken (400).
        """
        self.validate()
        fault = first_fault(self)
        if fault is not None:
            raise RefusedUpload(fault.code, str(fault), 400)
        name, frame = self.sample.data, self.frame.data
        content = (samples / f"synthetic-{name}.png").read_bytes() if name else self.picture.data.stream
        return Upload(content, None if frame is None else frame - 1, self.whereabouts())
