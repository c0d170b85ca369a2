"""What the upload page may read."""

from __future__ import annotations

from dataclasses import dataclass

from app.forms.place import BadPlace
from app.pages.place_field import PlaceField
from app.reading.intake import NotKept
from imaging.errors import RefusedUpload

# Which field a refusal is about; all others are about the picture.
_FIELDS = {"place_too_long": "place", "bad_point": "place", "bad_frame": "frame", "no_such_frame": "frame"}


@dataclass(frozen=True)
class Sample:
    """One of our synthetic pictures: the value of the form's button, the file, and what it shows."""

    name: str
    file: str
    caption: str


@dataclass(frozen=True)
class Problem:
    """Why an upload was not taken: code for programs, sentence for people, and the field that it is about."""

    code: str
    sentence: str
    field: str


@dataclass(frozen=True)
class UploadPage:
    """`problem` is None on a fresh page. `is_place_sent` says that typed places go to the operator's geocoder.

    `must_log_in` puts signing in before the form.
    """

    samples: tuple[Sample, ...]
    max_upload_mb: int
    place_field: PlaceField
    is_place_sent: bool
    retention_days: int
    must_log_in: bool = False
    problem: Problem | None = None


SAMPLES = (
    Sample("smooth-oval", "samples/synthetic-smooth-oval.png", "Smooth oval spot"),
    Sample("irregular", "samples/synthetic-irregular.png", "Irregular spot"),
    Sample("no-lesion", "samples/synthetic-no-lesion.png", "No spot"),
)


def problem(refusal: RefusedUpload | BadPlace | NotKept) -> Problem:
    """What the page says about a refusal."""
    return Problem(refusal.code, refusal.sentence, _FIELDS.get(refusal.code, "picture"))
