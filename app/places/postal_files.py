"""Postcodes from GeoNames postal files (`CC.txt`, CC BY 4.0) that the operator put into DATA_DIR/postcodes.

A file is indexed once by the hash of each code and the offset of its line, so that 1.7 million British codes cost
27 MB instead of half a gigabyte. A postcode's centre is "about": in Canada it lies 2.2 km off in the median, 59 km at
most.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.places.postal_area import MAX_ROWS, PostcodeArea, key_of, middle, spellings

_FILE_NAME = re.compile(r"^([A-Z]{2})(_full)?\.txt$")


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


@lru_cache(maxsize=32)
def _index(path: Path, _modified_ns: int, _size: int) -> _Index:
    """Index a file; its time and size are part of the key, so that a replaced file is read anew."""
    hashes, offsets = array("q"), array("q")
    position = 0
    with path.open("rb") as file:
        for line in file:
            fields = line.split(b"\t", 2)
            if len(fields) == 3:
                hashes.append(hash(key_of(fields[1].decode("utf-8", errors="replace"))))
                offsets.append(position)
            position += len(line)
    order = np.argsort(np.asarray(hashes, dtype=np.int64), kind="stable")
    return _Index(path, np.asarray(hashes, dtype=np.int64)[order], np.asarray(offsets, dtype=np.int64)[order])


def countries(folder: Path) -> frozenset[str]:
    """The countries whose files lie in a folder, which need not exist."""
    return frozenset(country for _, country in _files(folder))


def find(folder: Path, code: str, wanted: Collection[str] | None = None) -> list[PostcodeArea]:
    """The areas of a postcode, one per country, at the mean of its lines.

    Args:
        folder: holds the files; it need not exist.
        wanted: look only into the files of these countries.
    """
    found: dict[str, PostcodeArea] = {}
    for path, country in _files(folder):
        if country not in found and (wanted is None or country in wanted):
            found |= {area.country: area for area in _areas_in(path, country, key_of(code))}
    return list(found.values())


def _files(folder: Path) -> list[tuple[Path, str]]:
    """The postal files, the fuller one of a country first."""
    if not folder.is_dir():
        return []
    named = [(path, match) for path in folder.iterdir() if (match := _FILE_NAME.match(path.name))]
    return [(path, match.group(1)) for path, match in sorted(named, key=lambda pair: pair[0].name, reverse=True)]


def _areas_in(path: Path, country: str, key: str) -> list[PostcodeArea]:
    status = path.stat()
    index = _index(path, status.st_mtime_ns, status.st_size)
    for candidate in spellings(key, country):
        areas = [area for line in index.lines(candidate) if (area := _read(line, candidate))]
        if areas:
            return [middle(areas)]
    return []


def _read(line: str, key: str) -> PostcodeArea | None:
    """A line of GeoNames: country, code, place, region, ..., latitude (10th field), longitude (11th)."""
    fields = line.rstrip("\r\n").split("\t")
    if len(fields) < 11 or key_of(fields[1]) != key:
        return None
    try:
        latitude, longitude = float(fields[9]), float(fields[10])
    except ValueError:
        return None
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        return None
    return PostcodeArea(fields[0].upper(), fields[1], fields[2], fields[3], latitude, longitude)
