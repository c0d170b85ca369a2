"""Where somebody is: typed, or as the coordinates that their browser gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, FloatField, Form, StringField
from wtforms.validators import StopValidation
from wtforms.widgets import HiddenInput

from app.forms.faults import Fault, first_fault
from app.places import places
from app.places.place import MAX_PLACE_LENGTH, Place, PlaceTooLong, Resolution, cleaned, coarse

MOST_NORTH, MOST_EAST = 90.0, 180.0  # degrees, WGS 84
BAD_POINT = Fault("bad_point", "These coordinates are no place on earth. Type a town instead.")


class BadPlace(ValueError):
    """The fields name no place on earth, or too long a one (400). `sentence` is fit to be shown."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.code = fault.code
        self.sentence = str(fault)
        self.status = 400


@dataclass(frozen=True)
class Whereabouts:
    """What the place fields of a form hold: a typed text, a point, both or nothing."""

    text: str
    point: Place | None

    @property
    def is_given(self) -> bool:
        return bool(self.text) or self.point is not None

    def resolution(self) -> Resolution:
        """The places that are meant: the point where there is one, else what the text may mean."""
        if self.point is not None:
            return Resolution((self.point,), total=1, credit="")
        return places.resolve(self.text) if self.text else Resolution(())


def is_short_enough(_form: Form, field: Field) -> None:
    """Clean a typed text, and refuse one that is too long."""
    try:
        field.data = cleaned(field.data or "")
    except PlaceTooLong as error:
        raise StopValidation(Fault("place_too_long", str(error))) from error


class DegreesField(FloatField):  # type: ignore[misc]
    """One of two coordinates in degrees; empty where a browser gave none."""

    widget = HiddenInput()

    def __init__(self, other: str, limit: float, **more: Any) -> None:
        super().__init__(validators=[self._is_on_earth], **more)
        self._other, self._limit = other, limit

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the text; more than forty characters write no coordinate."""
        text = valuelist[0].strip()[:40] if valuelist else ""
        if not text:
            self.data = None
            return
        try:
            self.data = float(text)
        except ValueError as error:
            raise ValueError(BAD_POINT) from error

    def _is_on_earth(self, form: Form, _field: Field) -> None:
        if self.data is None:
            if form[self._other].data is not None:  # half a point
                raise StopValidation(BAD_POINT)
        elif not abs(self.data) <= self._limit:  # also False for "nan"
            raise StopValidation(BAD_POINT)


class PlaceForm(FlaskForm):  # type: ignore[misc]
    """A typed place or a point, and how a chosen point is called. It only asks, so it needs no token."""

    class Meta:
        csrf = False

    place = StringField(
        "Town or postcode", [is_short_enough], render_kw={"maxlength": MAX_PLACE_LENGTH, "autocomplete": "postal-code"}
    )
    label = StringField(validators=[is_short_enough])
    latitude = DegreesField("longitude", MOST_NORTH)
    longitude = DegreesField("latitude", MOST_EAST)

    def whereabouts(self) -> Whereabouts:
        """What the fields of a validated form mean."""
        text, label = self.place.data or "", self.label.data or ""
        latitude, longitude = self.latitude.data, self.longitude.data
        if latitude is None or longitude is None:
            return Whereabouts(text, None)
        return Whereabouts(text, coarse(latitude, longitude, label, places.country_of(label, latitude, longitude)))


def whereabouts(fields: Mapping[str, str]) -> Whereabouts:
    """Read the fields `place`, `latitude`, `longitude` and `label`, of an address or of the JSON interface.

    Raises:
        BadPlace: the text is too long, or the coordinates are no point on earth.
    """
    form = PlaceForm(MultiDict(fields))
    form.validate()
    fault = first_fault(form)
    if fault is not None:
        raise BadPlace(fault)
    return form.whereabouts()
