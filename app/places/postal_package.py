"""Postcodes from the data inside countrystatecity-postal-codes (ODbL): 844,000 records, 156 MB of JSON.

The JSON is never parsed as a whole. A country's file is searched once for where its codes stand, 14 bytes each; a
look-up then reads the records of its code and nothing else. Parsed, Mexico's file alone would take 85 MB. The index
lives in memory alone: written down it would be a database made from theirs.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import IO

import numpy as np
from numpy.typing import NDArray

from app.places.postal_area import MAX_ROWS

PACKAGE = "countrystatecity_postal_codes"
LONGEST_CODE = 10
FEWEST_BESIDE, MOST_BESIDE = 20, 250
MAX_RECORD = 2000  # bytes; the longest in version 2.0.1 has 400

_CODE = re.compile(rb'\{\s*"code": "([^"\\]+)"')
_SEPARATORS = b" -"
_searching = Lock()


@dataclass(frozen=True)
class PostalRecord:
    """One record as it stands there: a point in degrees, or only the words for the locality, or both."""

    country: str
    code: str
    state: str
    locality: str
    point: tuple[float, float] | None


@dataclass(frozen=True)
class _Index:
    """Sorted codes of a country's file, and where their records begin."""

    path: Path
    codes: NDArray[np.bytes_]
    offsets: NDArray[np.uint32]

    def span(self, first: str, last: str) -> tuple[int, int]:
        """The records from one key to another, both included."""
        bounds = np.array([first.encode("ascii"), last.encode("ascii")], dtype=self.codes.dtype)
        return (
            int(np.searchsorted(self.codes, bounds[0], side="left")),
            int(np.searchsorted(self.codes, bounds[1], side="right")),
        )

    def read(self, numbers: Iterable[int]) -> Iterator[PostalRecord]:
        with self.path.open("rb") as file:
            for number in numbers:
                if record := _record(file, int(self.offsets[number])):
                    yield record


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """The files by country; none where the package is not installed."""
    spec = find_spec(PACKAGE)  # not imported: its models would bring pydantic into the server
    if spec is None or spec.origin is None:
        return {}
    folders = Path(spec.origin).parent / "data" / "by-country"
    return {path.parent.name: path for path in sorted(folders.glob("[A-Z][A-Z]/postcodes.json"))}


def countries() -> frozenset[str]:
    """The countries whose codes the package knows; empty where it is not installed."""
    return frozenset(_files())


def records(country: str, key: str) -> list[PostalRecord]:
    """The records of a code, see `postal_area.key_of`; none when it is not listed."""
    index = _index_of(country)
    if index is None or not _is_plain(key):
        return []
    first, last = index.span(key, key)
    return list(index.read(range(first, min(last, first + MAX_ROWS))))


def records_beginning(country: str, start: str, limit: int) -> list[PostalRecord]:
    """The first records whose codes begin so."""
    index = _index_of(country)
    if index is None or not _is_plain(start):
        return []
    first, last = index.span(start, start + "~" * (LONGEST_CODE - len(start)))
    return list(index.read(range(first, min(last, first + limit))))


def records_beside(country: str, key: str, share: float) -> Iterator[PostalRecord]:
    """The records of other codes, the nearest first: by turns one behind and one before.

    Args:
        share: how many, of all records of the country, on each side; at least 20 and at most 250.
    """
    index = _index_of(country)
    if index is None or not _is_plain(key):
        return
    first, last = index.span(key, key)
    farthest = int(min(max(share * len(index.codes), FEWEST_BESIDE), MOST_BESIDE))
    behind = range(last, min(last + farthest, len(index.codes)))
    before = range(first - 1, max(first - 1 - farthest, -1), -1)
    numbers = [number for pair in zip_longest(behind, before) for number in pair if number is not None]
    yield from index.read(numbers)


def record_before(country: str, key: str) -> PostalRecord | None:
    """The last record whose code does not come after a key of the same length."""
    index = _index_of(country)
    if index is None or not _is_plain(key):
        return None
    _, last = index.span(key, key)
    return next(index.read(range(max(0, last - 1), last)), None)


def warm_up() -> None:
    """Search every file now (some seconds in all), so that the first visitor doesn't wait for it."""
    for country in countries():
        _index_of(country)


def _is_plain(key: str) -> bool:
    return key.isascii() and key.isalnum() and len(key) <= LONGEST_CODE


def _index_of(country: str) -> _Index | None:
    path = _files().get(country)
    with _searching:
        return _index(path) if path else None


@cache
def _index(path: Path) -> _Index:
    """Where each code of a file stands. The file is mapped, not read: its pages are the system's to take back."""
    codes, offsets = [], []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for match in _CODE.finditer(content):
            codes.append(match[1])
            offsets.append(match.start())
    plain = np.array(b"\n".join(codes).translate(None, _SEPARATORS).upper().split(b"\n"), dtype=f"S{LONGEST_CODE}")
    order = np.argsort(plain, kind="stable")
    return _Index(path, plain[order], np.array(offsets, dtype=np.uint32)[order])


def _record(file: IO[bytes], offset: int) -> PostalRecord | None:
    """The record at a place of a file; None when it is not what is known of the format."""
    file.seek(offset)
    text = file.read(MAX_RECORD).decode("utf-8", errors="replace")  # the cut at the end may split a letter
    try:
        values, _ = json.JSONDecoder().raw_decode(text)
        latitude, longitude = values["latitude"], values["longitude"]
        point = None if latitude is None or longitude is None else (float(latitude), float(longitude))
        return PostalRecord(
            values["countryCode"], values["code"], values["stateCode"] or "", values["localityName"] or "", point
        )
    except (ValueError, TypeError, KeyError):
        return None
