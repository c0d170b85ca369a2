"""Coordinates that somebody typed: "43.25, -79.87", "43.25 N 79.87 W", "43,25; -79,87"."""

from __future__ import annotations

import re

_NUMBER = r"([+-]?\d{1,3}(?:[.,]\d{1,12})?)\s*°?\s*"
_PAIR = re.compile(rf"^{_NUMBER}([NS])?(\s*[,;/]\s*|\s+){_NUMBER}([EW])?$", re.IGNORECASE)


def read(text: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees, or None when the text is no pair of them within -90..90 and -180..180."""
    match = _PAIR.match(text.replace("\u2212", "-").strip())
    if match is None:
        return None
    latitude_text, north_south, separator, longitude_text, east_west = match.groups()
    if separator.strip() == "" and "." not in text and "," not in text and not (north_south and east_west):
        return None  # two whole numbers side by side are more likely a postcode
    latitude = _signed(latitude_text, north_south, "S")
    longitude = _signed(longitude_text, east_west, "W")
    return (latitude, longitude) if abs(latitude) <= 90.0 and abs(longitude) <= 180.0 else None


def _signed(number: str, letter: str | None, negative: str) -> float:
    value = float(number.replace(",", "."))
    return -abs(value) if letter and letter.upper() == negative else value
