"""Postcodes from GeoNames postal files (`CC.txt`, CC BY 4.0) that the operator put into DATA_DIR/postcodes.

A file is indexed once by the hash of each code and the offset of its line, so that 1.7 million British codes cost
27 MB instead of half a gigabyte. A postcode's centre is "about": in Canada it lies 2.2 km off in the median, 59 km at
most.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.places.folding import fold
from app.places.place import MAX_PLACE_LENGTH, Place
from app.places.regions import country_name

_FILE_NAME = re.compile(r"^([A-Z]{2})(_full)?\.txt$")
_SEPARATORS = re.compile(r"[\s-]+")
MAX_ROWS = 100

# What is left of a full code where the plain file holds only its first part.
_SHORTER = {"CA": slice(0, 3), "GB": slice(0, -3), "IE": slice(0, 3), "US": slice(0, 5), "NL": slice(0, 4)}


@dataclass(frozen=True)
class PostcodeArea:
    """One line of a postal file."""

    country: str
    code: str
    town: str
    region: str
    latitude: float
    longitude: float

    def place(self) -> Place:
        """The area as a place that says it is approximate."""
        parts = dict.fromkeys((self.town, self.region, country_name(self.country)))
        label = f"about {self.code} " + ", ".join(part for part in parts if part)
        return Place(self.latitude, self.longitude, label[:MAX_PLACE_LENGTH], self.country, is_approximate=True)


@dataclass(frozen=True)
class _Index:
    """Sorted hashes of the codes in a file, and where their lines start."""

    path: Path
    hashes: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def lines(self, key: str) -> list[str]:
        first = int(np.searchsorted(self.hashes, hash(key), side="left"))
        last = int(np.searchsorted(self.hashes, hash(key), side="right"))
        lines = []
        with self.path.open("rb") as file:
            for offset in self.offsets[first:last][:MAX_ROWS]:
                file.seek(int(offset))
                lines.append(file.readline().decode("utf-8", errors="replace"))
        return lines


def _key(code: str) -> str:
    return _SEPARATORS.sub("", code).upper()


@lru_cache(maxsize=32)
def _index(path: Path, _modified_ns: int, _size: int) -> _Index:
    """Index a file; its time and size are part of the key, so that a replaced file is read anew."""
    hashes, offsets = array("q"), array("q")
    position = 0
    with path.open("rb") as file:
        for line in file:
            fields = line.split(b"\t", 2)
            if len(fields) == 3:
                hashes.append(hash(_key(fields[1].decode("utf-8", errors="replace"))))
                offsets.append(position)
            position += len(line)
    order = np.argsort(np.asarray(hashes, dtype=np.int64), kind="stable")
    return _Index(path, np.asarray(hashes, dtype=np.int64)[order], np.asarray(offsets, dtype=np.int64)[order])


def find(folder: Path, code: str, countries: Iterable[str] | None = None) -> list[PostcodeArea]:
    """The areas of a postcode, one per country, at the mean of its lines.

    Args:
        folder: holds the files; it need not exist.
        countries: look only into these files.
    """
    wanted = None if countries is None else set(countries)
    found = []
    for path, country in _files(folder):
        if wanted is None or country in wanted:
            found += _areas_in(path, country, _key(code))
    return found


def _files(folder: Path) -> list[tuple[Path, str]]:
    """The postal files, the fuller one of a country first."""
    if not folder.is_dir():
        return []
    named = [(path, match) for path in folder.iterdir() if (match := _FILE_NAME.match(path.name))]
    return [(path, match.group(1)) for path, match in sorted(named, key=lambda pair: pair[0].name, reverse=True)]


def _areas_in(path: Path, country: str, key: str) -> list[PostcodeArea]:
    status = path.stat()
    index = _index(path, status.st_mtime_ns, status.st_size)
    shorter = key[_SHORTER[country]] if country in _SHORTER else ""
    for candidate in (key, shorter):
        areas = [area for line in index.lines(candidate) if (area := _read(line, candidate))] if candidate else []
        if areas:
            return [_mean(areas)]
    return []


def _read(line: str, key: str) -> PostcodeArea | None:
    """A line of GeoNames: country, code, place, region, ..., latitude (10th field), longitude (11th)."""
    fields = line.rstrip("\r\n").split("\t")
    if len(fields) < 11 or _key(fields[1]) != key:
        return None
    try:
        latitude, longitude = float(fields[9]), float(fields[10])
    except ValueError:
        return None
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        return None
    return PostcodeArea(fields[0].upper(), fields[1], fields[2], fields[3], latitude, longitude)


def _mean(areas: list[PostcodeArea]) -> PostcodeArea:
    """Several places share a code: their middle, under the first one's name. (No code spans the date line.)"""
    first = areas[0]
    latitude = sum(area.latitude for area in areas) / len(areas)
    longitude = sum(area.longitude for area in areas) / len(areas)
    return PostcodeArea(first.country, first.code, first.town, first.region, latitude, longitude)


def codes_in(part: str) -> list[str]:
    """What may be a postcode in a part of a typed place: "ON L8P 4X1" holds "L8P 4X1"; the longest first."""
    words = part.split()
    runs = ["".join(f" {word}" for word in run).strip() for run in _runs_with_digits(words)]
    candidates = {run for run in runs if len(_key(run)) >= 4}
    if len(words) == 1 or len(_key(part)) <= 8:
        candidates.add(part)
    return sorted((code for code in candidates if _is_like_a_code(code)), key=lambda code: (-len(code), code))


def _runs_with_digits(words: list[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in words:
        if any(character.isdigit() for character in word):
            runs[-1].append(word)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _is_like_a_code(text: str) -> bool:
    """Three to ten letters and digits, at least one of them a digit."""
    key = fold(text).replace(" ", "")
    return 3 <= len(key) <= 10 and key.isascii() and any(character.isdigit() for character in key)
