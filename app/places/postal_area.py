"""What a postcode stands for: the contract between the operator's postal files, the package and whoever asks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.places.place import ABOUT, MAX_PLACE_LENGTH, Place
from app.places.regions import country_name

MAX_ROWS = 100  # of one code: a Mexican one has up to 300 quarters, and a hundred tell where it is

_NOT_IN_CODES = re.compile(r"[\W_ー]+")  # the last is what a Japanese keyboard gives for a hyphen between digits

# A full code, and the first part of it that plain data hold. Whole patterns: "10115" is no Dutch "1011".
_FIRST_PARTS = {
    "CA": re.compile(r"([A-Z]\d[A-Z])\d[A-Z]\d"),
    "GB": re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)\d[A-Z]{2}"),
    "IE": re.compile(r"([A-Z]\d[\dW])[A-Z\d]{4}"),
    "NL": re.compile(r"(\d{4})[A-Z]{2}"),
    "US": re.compile(r"(\d{5})\d{4}"),
}


@dataclass(frozen=True)
class PostcodeArea:
    """Where the letters of a postcode go: a point in degrees, and the words for it. `town` and `region` may be ""."""

    country: str
    code: str
    town: str
    region: str
    latitude: float
    longitude: float

    def place(self) -> Place:
        """The area as a place that says it is approximate."""
        parts = dict.fromkeys((self.town, self.region, country_name(self.country)))
        label = f"{ABOUT}{self.code} " + ", ".join(part for part in parts if part)
        return Place(self.latitude, self.longitude, label[:MAX_PLACE_LENGTH], self.country, is_approximate=True)


def middle(areas: Sequence[PostcodeArea]) -> PostcodeArea:
    """Several places share a code: their middle, under the first one's name. (No code spans the date line.)"""
    latitude = sum(area.latitude for area in areas) / len(areas)
    longitude = sum(area.longitude for area in areas) / len(areas)
    return replace(areas[0], latitude=latitude, longitude=longitude)


def key_of(code: str) -> str:
    """One spelling for many: "sw1a 1aa" and "SW1A-1AA" become the same; so do "〒１００－０００１" and "1000001"."""
    return _NOT_IN_CODES.sub("", unicodedata.normalize("NFKC", code)).upper()


def spellings(key: str, country: str) -> tuple[str, ...]:
    """A key, and its first part where the data may hold only that of this country's codes."""
    first = _FIRST_PARTS[country].fullmatch(key) if country in _FIRST_PARTS else None
    return (key, first[1]) if first else (key,)
