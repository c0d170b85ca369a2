"""`places.resolve(text)`: from what a person typed to the places it may mean."""

from __future__ import annotations

from flask import current_app, has_app_context

from app.places import gazetteer, geocoding, offline, regions, typed_coordinates
from app.places.place import MAX_PLACE_LENGTH, Place, PlaceTooLong, Resolution, cleaned

__all__ = ["MAX_PLACE_LENGTH", "Place", "PlaceTooLong", "Resolution", "country_at", "country_of", "resolve", "warm_up"]


def resolve(text: str) -> Resolution:
    """The places that a text may mean: none, one, or several between which the person has to choose.

    Answered by the operator's Nominatim where NOMINATIM_URL is set and it answers in time, else offline.

    Raises:
        PlaceTooLong: more than 200 characters; the message is fit to be shown, the status is 400.
    """
    text = cleaned(text)
    if not text:
        return Resolution(())
    if not has_app_context():
        return offline.resolve(text)
    online = None if typed_coordinates.read(text) else geocoding.look_up(text)
    return online or offline.resolve(text, current_app.config["DATA_DIR"] / "postcodes")


def country_at(latitude: float, longitude: float) -> str | None:
    """The country of two letters around a point, from its towns; None beside a border and far out at sea.

    `nearest` takes None for "either side": Windsor's shore must not be sent to Detroit first.
    """
    return gazetteer.load().country_at(latitude, longitude)


def country_of(label: str, latitude: float, longitude: float) -> str | None:
    """The country that the last part of a label names, as "Windsor, Ontario, Canada" does; else `country_at`."""
    return regions.country_called(label.rpartition(",")[2].strip()) or country_at(latitude, longitude)


def warm_up() -> None:
    """Read the gazetteer now (about a second), so that the first visitor doesn't wait for it."""
    gazetteer.load()
