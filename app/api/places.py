"""Which point a request of the JSON interface means: coordinates first, then the typed place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.forms.place import whereabouts
from app.places.place import Place
from app.refusals.interface import AmbiguousPlace, UnknownPlace


def asked(fields: Mapping[str, Any]) -> Place | None:
    """The place of a request's validated fields, None when it names none.

    Raises:
        BadPlace: the text is too long, or one of latitude and longitude is missing.
        UnknownPlace, AmbiguousPlace: the typed text means nothing known here, or several places.
    """
    texts = {name: str(fields[name]) for name in ("place", "latitude", "longitude") if name in fields}
    meant = whereabouts(texts)
    if not meant.is_given:
        return None
    resolution = meant.resolution()
    if resolution.is_ambiguous:
        raise AmbiguousPlace(resolution.matches)
    if not resolution.matches:
        raise UnknownPlace(resolution.unknown)
    return resolution.matches[0]
