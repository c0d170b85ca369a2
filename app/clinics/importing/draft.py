"""What a format's reader yields: drafts as written, or rows that it refuses by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class ImportRefused(ValueError):
    """The whole file can't be imported. The message is fit to be shown."""


@dataclass(frozen=True)
class Draft:
    """One row of a file, as text. `line` is the line of the file, or the number of the feature in JSON."""

    line: int
    name: str
    kind: str = ""
    address: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    postal_code: str = ""
    phone: str = ""
    website: str = ""
    latitude: str = ""
    longitude: str = ""
    is_approximate: bool = False
    source: str = ""
    checked_on: str = ""


@dataclass(frozen=True)
class Note:
    """Something to tell about a line: why it was refused, or what looks odd about it."""

    line: int
    name: str
    reason: str


Rows = Iterator[Draft | Note]
