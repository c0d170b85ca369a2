"""What goes in and out of the JSON interface; `/api/v1/openapi.json` is made from these."""

from __future__ import annotations

from typing import Any

from flask_smorest.fields import Upload
from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from app.categories import CATEGORIES
from app.clinics.nearest import MAX_LIMIT
from app.forms.place import MOST_EAST, MOST_NORTH
from app.forms.upload import MAX_FRAME
from app.inference.results import LABELS
from app.places.place import MAX_PLACE_LENGTH
from app.tables.image import SOURCES
from app.web.api_base import ErrorSchema

KEY_LENGTH = 128


def _about(text: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"description": text, **more}}


def _latitude() -> fields.Float:
    return fields.Float(validate=validate.Range(-MOST_NORTH, MOST_NORTH), **_about("Degrees, WGS 84."))


def _longitude() -> fields.Float:
    return fields.Float(validate=validate.Range(-MOST_EAST, MOST_EAST), **_about("Degrees, WGS 84."))


def _place() -> fields.String:
    return fields.String(**_about("A town or postal code; looked up on this server.", maxLength=MAX_PLACE_LENGTH))


class _Object(Schema):
    """Fields beyond those named here may come, in both directions."""

    class Meta:
        unknown = EXCLUDE


class _SaidOnce(_Object):
    """A field that comes twice means two things at once: neither is taken."""

    @pre_load
    def _refuse_repeated(self, values: Any, **_: Any) -> Any:
        for name, field in self.fields.items():
            if not isinstance(field, Upload) and len(values.getlist(name)) > 1:
                raise ValidationError("Send it once.", name)
        return values


class UploadFields(_SaidOnce):
    """What may be said beside the picture."""

    latitude = _latitude()
    longitude = _longitude()
    place = _place()
    frame = fields.Integer(
        validate=validate.Range(0, MAX_FRAME - 1), **_about("Frame of a multi-frame file, counted from 0.")
    )


class UploadForm(UploadFields):
    """The whole multipart form, as it is described; texts and file are read apart."""

    file = Upload(
        **_about(
            "PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC, AVIF, JPEG 2000 or DICOM; told by its content, not by its name."
        )
    )


def _visible(name: str, about: str) -> fields.String:
    error = f"1 to {KEY_LENGTH} visible ASCII characters."
    return fields.String(
        data_key=name, validate=validate.Regexp(rf"^[\x21-\x7e]{{1,{KEY_LENGTH}}}$", error=error), **_about(about)
    )


class UploadHeaders(_Object):
    """The client's own key of this upload."""

    idempotency_key = _visible(
        "Idempotency-Key",
        "Random text that the client makes once per picture (a UUID). Sending the same file with the same key again "
        "leads to the same study. A key of 22 characters or more, 8 of them different, belongs to one file: with "
        "another it is refused. Shorter ones may be chosen by two: another file is another study. Made here when it is "
        "missing.",
    )


class DeletionHeaders(_Object):
    """What proves that a client sent the study: one of both is enough."""

    delete_token = _visible("Delete-Token", "As the answer to the upload carried it; it counts from any address.")
    idempotency_key = _visible(
        "Idempotency-Key",
        "The key of the upload, from the address that it came from, if it has 22 characters or more, 8 of them "
        "different; one that can be guessed proves nothing.",
    )


class ClinicQuery(_SaidOnce):
    """Where to look for clinics: coordinates, or a typed place."""

    latitude = _latitude()
    longitude = _longitude()
    place = _place()
    limit = fields.Integer(load_default=5, validate=validate.Range(1, MAX_LIMIT), **_about("How many."))
    unit = fields.String(validate=validate.OneOf(["km", "miles"]), **_about("Unit of `distance`; the server's own."))
    beyond = fields.Boolean(
        load_default=False, **_about("List what lies in other countries or farther than 300 km, too.")
    )


class SizeQuery(_SaidOnce):
    """How large a picture is drawn."""

    size = fields.String(
        load_default="shown", validate=validate.OneOf(["shown", "full"]),
        **_about("`full` draws at the picture's own size; else the longer side has at most 1600 pixels."),
    )  # fmt: skip


class ReasonSchema(_Object):
    """Why a study was declined or failed."""

    code = fields.String(required=True)
    sentence = fields.String(required=True)


class ProbabilitiesSchema(_Object):
    """Calibrated class probabilities, each in 0..1, together 1."""

    benign = fields.Float(required=True)
    malignant = fields.Float(required=True)
    normal = fields.Float(required=True)


class DescriptorSchema(_Object):
    """One term of the BI-RADS lexicon with the measured value that it rests on."""

    name = fields.String(required=True)
    term = fields.String(required=True)
    value = fields.Float(required=True)
    unit = fields.String(required=True)
    meaning = fields.String(required=True)


class LesionSchema(_Object):
    """Measurements of the lesion's mask."""

    area_px = fields.Integer(required=True)
    bbox = fields.List(fields.Integer(), required=True, **_about("Top, left, bottom, right (exclusive), in pixels."))
    width_px = fields.Integer(required=True)
    height_px = fields.Integer(required=True)
    longest_axis_px = fields.Float(required=True)
    circularity = fields.Float(required=True, **_about("4 pi area / perimeter^2; 1 for a disc."))
    solidity = fields.Float(required=True, **_about("Area over the area of the convex hull."))
    contrast_db = fields.Float(required=True, **_about("Mean echo against the ring around the lesion, in decibels."))
    posterior_db = fields.Float(required=True, allow_none=True)
    parts = fields.Integer(required=True, **_about("Connected parts of the mask; the largest is measured."))
    spacing_mm = fields.Float(required=True, allow_none=True, **_about("Millimetres per pixel, where the file says."))
    spacing_source = fields.String(required=True, allow_none=True)
    area_mm2 = fields.Float(required=True, allow_none=True)
    width_mm = fields.Float(required=True, allow_none=True)
    height_mm = fields.Float(required=True, allow_none=True)
    longest_axis_mm = fields.Float(required=True, allow_none=True)


class NoveltySchema(_Object):
    """How far the picture lies from what the networks learned from; above the limit the program can't tell."""

    score = fields.Float(required=True)
    limit = fields.Float(required=True)


class ModelsSchema(_Object):
    """Which networks answered."""

    version = fields.String(required=True)
    networks = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class AdviceSchema(_Object):
    """The words of the category, as the result page shows them."""

    heading = fields.String(required=True)
    summary = fields.String(required=True)
    steps = fields.List(fields.String(), required=True)


class PlaceInFileSchema(_Object):
    """A place in the file's own frame, in its pixels."""

    top = fields.Integer(required=True)
    left = fields.Integer(required=True)


class SizeInFileSchema(_Object):
    """A size in the file's own frame, in its pixels."""

    height = fields.Integer(required=True)
    width = fields.Integer(required=True)


class PictureSchema(_Object):
    """The picture as it was read."""

    kind = fields.String(required=True)
    height = fields.Integer(required=True)
    width = fields.Integer(required=True)
    frame = fields.Integer(required=True)
    frames = fields.Integer(required=True, **_about("Frames of the file; for TIFF and GIF, 2 is two or more."))
    offset = fields.Nested(PlaceInFileSchema, required=True, **_about("Where the part that was read begins."))
    part = fields.Nested(SizeInFileSchema, required=True, **_about("How large that part is in the file."))
    file = fields.Nested(SizeInFileSchema, required=True, **_about("How large the file's whole frame is."))


class LinksSchema(_Object):
    """Addresses on this server."""

    self = fields.String(required=True)
    mask = fields.String(required=True, allow_none=True)
    overlay = fields.String(required=True, allow_none=True)
    page = fields.String(required=True)


class StudySchema(_Object):
    """One picture and what became of it."""

    id = fields.String(required=True, **_about("128 random bits; who knows it may read the study."))
    status = fields.String(required=True, validate=validate.OneOf(["queued", "done", "declined", "failed"]))
    source = fields.String(
        required=True,
        validate=validate.OneOf(SOURCES),
        **_about("By which door it came: the page, the page by somebody signed in, or this interface."),
    )
    reason = fields.Nested(ReasonSchema, required=True, allow_none=True)
    probabilities = fields.Nested(ProbabilitiesSchema, required=True, allow_none=True)
    label = fields.String(required=True, allow_none=True, validate=validate.OneOf(LABELS))
    category = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(CATEGORIES),
        **_about("Which of the six answers it got."),
    )
    plausible = fields.List(fields.String(), required=True, **_about("Classes of the conformal set."))
    because = fields.String(required=True, allow_none=True, **_about("The rule that led to the category."))
    lesion = fields.Nested(LesionSchema, required=True, allow_none=True)
    descriptors = fields.List(fields.Nested(DescriptorSchema), required=True)
    novelty = fields.Nested(NoveltySchema, required=True, allow_none=True)
    heat_in_lesion = fields.Float(
        required=True, allow_none=True, **_about("Share of the class activation map that falls on the lesion, 0..1.")
    )
    notices = fields.List(fields.String(), required=True)
    models = fields.Nested(ModelsSchema, required=True, allow_none=True)
    provider = fields.String(
        required=True, allow_none=True, **_about("What the networks really ran on: CPU, CUDA, TensorRT or OpenVINO.")
    )
    precision = fields.String(required=True, allow_none=True)
    milliseconds = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)
    advice = fields.Nested(AdviceSchema, required=True, allow_none=True)
    picture = fields.Nested(PictureSchema, required=True)
    created_at = fields.String(required=True, **_about("UTC.", format="date-time"))
    finished_at = fields.String(required=True, allow_none=True, **_about("UTC.", format="date-time"))
    links = fields.Nested(LinksSchema, required=True)
    disclaimer = fields.String(required=True)


class ClinicSchema(_Object):
    """A clinic of the directory, seen from the asked point."""

    name = fields.String(required=True)
    kind = fields.String(required=True)
    kind_label = fields.String(required=True)
    address = fields.String(required=True)
    city = fields.String(required=True)
    region = fields.String(required=True)
    postal_code = fields.String(required=True)
    country = fields.String(required=True)
    phone = fields.String(required=True)
    website = fields.String(required=True)
    latitude = fields.Float(required=True)
    longitude = fields.Float(required=True)
    distance = fields.Float(required=True, **_about("In `unit`, along the ellipsoid."))
    distance_km = fields.Float(required=True)
    distance_miles = fields.Float(required=True)
    is_approximate = fields.Boolean(required=True, **_about("Measured to the town, not to the building."))
    is_abroad = fields.Boolean(required=True, **_about("Not in the country of the asked point."))
    directions_url = fields.String(required=True)
    source = fields.String(required=True)
    checked_on = fields.String(required=True, **_about("Day of the newest source that states one."))
    facts_age_days = fields.Integer(required=True, allow_none=True, **_about("Days since then."))


class PlaceSchema(_Object):
    """A point that was meant."""

    label = fields.String(required=True)
    latitude = fields.Float(required=True)
    longitude = fields.Float(required=True)
    country = fields.String(required=True, allow_none=True)
    is_approximate = fields.Boolean(required=True, **_about("It stands for the area of a postcode."))


class ReferralSchema(_Object):
    """What the operator tells people to do from whose place no clinic is near."""

    text = fields.String(required=True)
    phone = fields.String(required=True)


class ClinicsSchema(_Object):
    """The nearest clinics; call first."""

    place = fields.Nested(PlaceSchema, required=True)
    unit = fields.String(required=True)
    clinics = fields.List(fields.Nested(ClinicSchema), required=True)
    is_far = fields.Boolean(required=True, **_about("No clinic of the list lies within 150 km."))
    is_beyond = fields.Boolean(required=True, **_about("`beyond` was asked for."))
    hint = fields.String(required=True)
    referral = fields.Nested(
        ReferralSchema, required=True, allow_none=True, **_about("Comes first where it is given: no clinic is near.")
    )
    facts_date = fields.String(required=True)
    sources = fields.List(fields.String(), required=True)


class AmbiguousSchema(ErrorSchema):
    """The typed place may mean several; the client asks which one and sends its coordinates."""

    matches = fields.List(fields.Nested(PlaceSchema))
