"""Where somebody is: typed, or as the coordinates that their browser gave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.places import places
from app.places.place import Place, PlaceTooLong, Resolution, cleaned, coarse


class BadPlace(ValueError):
    """The fields name no place on earth, or too long a one (400). `sentence` is fit to be shown."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
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


def whereabouts(fields: Mapping[str, str]) -> Whereabouts:
    """Read the fields `place`, `latitude`, `longitude`, and `label` (how a chosen point is called).

    Raises:
        BadPlace: the text is too long, or the coordinates are no point on earth.
    """
    try:
        text, label = cleaned(fields.get("place", "")), cleaned(fields.get("label", ""))
    except PlaceTooLong as error:
        raise BadPlace("place_too_long", str(error)) from error
    latitude, longitude = fields.get("latitude", "").strip(), fields.get("longitude", "").strip()
    if not latitude and not longitude:
        return Whereabouts(text, None)
    return Whereabouts(text, _point(_degrees(latitude, 90.0), _degrees(longitude, 180.0), label))


def _point(latitude: float, longitude: float, label: str) -> Place:
    return coarse(latitude, longitude, label, places.country_of(label, latitude, longitude))


def _degrees(text: str, limit: float) -> float:
    try:
        degrees = float(text[:40])
    except ValueError:
        degrees = math.nan
    if not abs(degrees) <= limit:  # also False for "nan"
        raise BadPlace("bad_point", "These coordinates are no place on earth. Type a town or a postcode instead.")
    return degrees
