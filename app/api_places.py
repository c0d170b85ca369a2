"""Which point a request of the JSON interface means: coordinates first, then the typed place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.api_errors import AmbiguousPlace, NoPlace, UnknownPlace
from app.clinics import places
from app.clinics.place import Place


def asked(fields: Mapping[str, Any]) -> Place | None:
    """The place of a request's validated fields, None when it names none.

    Raises:
        NoPlace: only one of latitude and longitude is given.
        UnknownPlace, AmbiguousPlace: the typed text means nothing known here, or several places.
        PlaceTooLong: more than 200 characters.
    """
    latitude, longitude = fields.get("latitude"), fields.get("longitude")
    if (latitude is None) != (longitude is None):
        raise NoPlace
    if latitude is not None and longitude is not None:
        label = f"{latitude:.4f}, {longitude:.4f}"
        return Place(latitude, longitude, label, places.country_at(latitude, longitude))
    return _typed(fields.get("place") or "")


def _typed(text: str) -> Place | None:
    if not text.strip():
        return None
    resolution = places.resolve(text)
    if resolution.is_ambiguous:
        raise AmbiguousPlace(resolution.matches)
    if not resolution.matches:
        raise UnknownPlace
    return resolution.matches[0]
