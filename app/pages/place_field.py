"""What the field for a place promises: postcodes only where some are known."""

from __future__ import annotations

from dataclasses import dataclass

from app.places import places


@dataclass(frozen=True)
class PlaceField:
    """Label and hint of the field, and a place to look at."""

    label: str
    hint: str


def place_field() -> PlaceField:
    """The field as this server can answer it."""
    count = len(places.postcode_countries())
    if not count:
        return PlaceField("Town", "This server knows no postcodes; type a town.")
    countries = f"{count} countries" if count > 1 else "one country"
    return PlaceField(
        "Town or postcode", f"Postcodes are known for {countries}, in some not all. Elsewhere type a town."
    )
