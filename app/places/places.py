"""`places.resolve(text)`: from what a person typed to the places it may mean."""

from __future__ import annotations

from pathlib import Path

from flask import current_app, has_app_context

from app.places import gazetteer, geocoding, offline, postal_package, postcodes, regions, typed_coordinates
from app.places.place import MAX_PLACE_LENGTH, Place, PlaceTooLong, Resolution, cleaned

__all__ = [
    "MAX_PLACE_LENGTH", "Place", "PlaceTooLong", "Resolution", "country_at", "country_of", "postcode_countries",
    "resolve", "warm_up",
]  # fmt: skip


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
    return online or offline.resolve(text, _postal_files())


def postcode_countries() -> frozenset[str]:
    """The countries of which this server knows postcodes, from the operator's files and from the package."""
    return postcodes.countries(_postal_files())


def _postal_files() -> Path:
    folder: Path = current_app.config["DATA_DIR"] / "postcodes"
    return folder


def country_at(latitude: float, longitude: float) -> str | None:
    """The country of two letters around a point, from its towns; None beside a border and far out at sea.

    `nearest` takes None for "either side": Windsor's shore must not be sent to Detroit first.
    """
    return gazetteer.load().country_at(latitude, longitude)


def country_of(label: str, latitude: float, longitude: float) -> str | None:
    """The country that the last part of a label names, as "Windsor, Ontario, Canada" does; else `country_at`."""
    return regions.country_called(label.rpartition(",")[2].strip()) or country_at(latitude, longitude)


def warm_up() -> None:
    """Read gazetteer and postcodes now (some seconds), so that the first visitor doesn't wait for them."""
    gazetteer.load()
    postal_package.warm_up()
