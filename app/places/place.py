"""What a typed place became: the contract between the page, the gazetteer and Nominatim."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

MAX_PLACE_LENGTH = 200  # characters; the column `image.place` is as long

COORDINATE_DECIMALS = 3  # about 100 m: near enough for a distance, too coarse for a house

GEONAMES_CREDIT = "Place names: GeoNames (CC BY 4.0)"
POSTCODE_CREDIT = "Postcodes: Countries States Cities Database (ODbL 1.0); place names: GeoNames (CC BY 4.0)"

ABOUT = "about "  # begins the label of what only stands for an area

UNKNOWN_PLACE = "No place of that name is known here. Try the nearest larger town, with its country."
UNKNOWN_POSTCODE = "Where this postcode lies is not known here. Type the nearest larger town, with its country."
NO_POSTCODES = "This server knows no postcodes. Type a town, with its country."
NO_POSTCODES_OF = "This server knows no postcodes of {countries}. Type a town."


class PlaceTooLong(ValueError):
    """The typed place is longer than `MAX_PLACE_LENGTH`. The message is fit to be shown."""


@dataclass(frozen=True)
class Place:
    """A point that a person meant.

    Attributes:
        latitude, longitude: degrees, WGS 84, in -90..90 and -180..180.
        label: how a person reads it back, at most `MAX_PLACE_LENGTH` characters.
        country: ISO 3166 code of two letters, None where it can't be told (at sea, beside a border).
        is_approximate: True for a postcode's centre, which can lie kilometres off.
    """

    latitude: float
    longitude: float
    label: str
    country: str | None
    is_approximate: bool = False


@dataclass(frozen=True)
class Resolution:
    """The places that a text may mean, the most populous first.

    Attributes:
        matches: none when nothing is known by that name; several when the person has to say which one.
        total: how many there were before the list was cut to a length that a person reads.
        ignored: parts of the text that were not understood and therefore not used.
        credit: whose data answered, to be printed beside the answer.
        unknown: why there is no match, in a sentence fit to be shown; it means nothing where there are matches.
    """

    matches: tuple[Place, ...]
    total: int = 0
    ignored: tuple[str, ...] = ()
    credit: str = GEONAMES_CREDIT
    unknown: str = UNKNOWN_PLACE

    @property
    def is_ambiguous(self) -> bool:
        """True when the person has to choose; the first match must not be taken for them."""
        return len(self.matches) > 1


def coarse(latitude: float, longitude: float, label: str, country: str | None) -> Place:
    """A place no finer than `COORDINATE_DECIMALS`; without a label it is called by its coordinates."""
    latitude, longitude = round(latitude, COORDINATE_DECIMALS), round(longitude, COORDINATE_DECIMALS)
    shown = label or f"{latitude:.{COORDINATE_DECIMALS}f}, {longitude:.{COORDINATE_DECIMALS}f}"
    return Place(latitude, longitude, shown[:MAX_PLACE_LENGTH], country, is_approximate=label.startswith(ABOUT))


def cleaned(text: str) -> str:
    """The text without control and formatting characters, its white space collapsed.

    Raises:
        PlaceTooLong: before anything else is done with it.
    """
    if len(text) > MAX_PLACE_LENGTH:
        raise PlaceTooLong(f"A place has at most {MAX_PLACE_LENGTH} characters.")
    return cleaned_line(text)


def cleaned_line(text: str) -> str:
    """Any text on one line: no control and formatting characters, white space collapsed."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    return " ".join("".join(character for character in spaced if _is_visible(character)).split())


def _is_visible(character: str) -> bool:
    """False for control, formatting (bidirectional overrides too), surrogate and unassigned characters."""
    return not unicodedata.category(character).startswith("C")
