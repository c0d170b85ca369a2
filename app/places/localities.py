"""Where a postcode of the package lies: its own point where the record has one, else the town that its locality names.

Most countries' records only name a locality, often a quarter or a village that the gazetteer does not know, sometimes
one of several of that name. What the codes beside it say decides: codes that begin alike lie near each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from app.places import gazetteer, postal_package, regions
from app.places.distance import great_circle_km, unit_vectors
from app.places.folding import fold
from app.places.gazetteer import Town
from app.places.postal_area import PostcodeArea, key_of, middle, spellings
from app.places.postal_package import PostalRecord

BESIDE = 9  # towns that say where a code's neighbours lie
FEWEST_BESIDE = 2
SHARE_BESIDE = 0.02  # of a country's records, before and behind a code, that are looked through for them
BESIDE_KM = 60.0  # how far their towns may lie from each other
STRAY_KM = 120.0  # a town so far from its code's neighbours is another one of that name
NAMED_AFTER_KM = 40.0
CAPITAL_STANDS_KM2 = 3000.0  # Luxembourg, Mauritius, islands: their capital may stand for all of them
NARROW_COUNTRY_KM2 = 100_000.0  # of larger ones, only towns with these inhabitants are taken on their name alone
LARGE = 20_000
VERY_LARGE = 500_000  # and these when the name is only mentioned: "Mumbai G.P.O."
SHORTEST_MENTION = 4  # letters

# The area of a British code ("SW" of "SW1A 1AA"), all that the data have. Which letters may follow a single digit is
# limited to London's districts, or every Canadian "L8P" would be one.
_BRITISH = re.compile(r"(?:([A-Z]{1,2})\d{1,2}|([ENW]|EC|NW|SE|SW|WC)\d[A-Z])(?:\d[A-Z]{2})?")
_BRAZILIAN = re.compile(r"\d{8}")  # records stand for where a town's range of codes begins
_JAPANESE = re.compile(r"[市区町村]")

# What the package holds for Spain are the statistics office's numbers of municipalities: 28013 is central Madrid for
# the post and Aranjuez, 45 km off, there. The first two digits mean the same province in both.
_PROVINCE = {"ES": re.compile(r"\d{5}")}
PROVINCE_DIGITS = 2
PROVINCE_RECORDS = 400
# Greek points are another municipality's for Piraeus and others, up to 280 km off; the names are right.
_NAMES_FIRST = {"GR"}


@lru_cache(maxsize=4096)
def area(country: str, key: str) -> PostcodeArea | None:
    """The area of a code in a country; None when it is not listed, or when nothing tells where it lies."""
    if country in _PROVINCE:
        return _province(country, key) if _PROVINCE[country].fullmatch(key) else None
    records = _records(country, key)
    if country in _NAMES_FIRST and (named := _named(country, key, records) if records else None):
        return named
    pointed = [record for record in records if record.point]
    if pointed:
        return middle([_pointed(record) for record in pointed])
    return _named(country, key, records) if records else None


def _records(country: str, key: str) -> list[PostalRecord]:
    for spelling in spellings(key, country):
        if found := postal_package.records(country, spelling):
            return found
    if country == "GB" and (match := _BRITISH.fullmatch(key)):
        return postal_package.records(country, match[1] or match[2])
    if country == "BR" and _BRAZILIAN.fullmatch(key):
        before = postal_package.record_before(country, key)
        return [before] if before else []
    return []


def _province(country: str, key: str) -> PostcodeArea | None:
    """The largest town of a province, for its part of the code."""
    beside = postal_package.records_beginning(country, key[:PROVINCE_DIGITS], PROVINCE_RECORDS)
    towns = [found[0] for record in beside if len(found := _towns(country, record.locality)) == 1]
    if not towns:
        return None
    town = max(towns, key=lambda town: town.population)
    code = key[:PROVINCE_DIGITS].ljust(len(key), "x")
    return PostcodeArea(country, code, f"around {town.name}", "", town.latitude, town.longitude)


def _pointed(record: PostalRecord) -> PostcodeArea:
    latitude, longitude = record.point or (0.0, 0.0)
    town = _shown(record.locality) or _near(latitude, longitude)
    return PostcodeArea(record.country, record.code, town, _region(record), latitude, longitude)


def _near(latitude: float, longitude: float) -> str:
    town, distance_km = gazetteer.load().nearest(latitude, longitude)
    return f"near {town.name}" if distance_km <= NAMED_AFTER_KM else ""


def _region(record: PostalRecord) -> str:
    """The region's name in the countries where this project knows them by letters."""
    codes = {code for land, code in regions.read(record.state) if land == record.country and code}
    return regions.region_names().get((record.country, codes.pop()), "") if len(codes) == 1 else ""


def _shown(locality: str) -> str:
    """A locality without what explains it in brackets or fills a gap, and not in capitals alone."""
    name = re.split(r"[(（]|, NULL$", locality)[0].strip()
    return name.title() if name.isupper() and len(name) > len("USA") else name


def _named(country: str, key: str, records: Sequence[PostalRecord]) -> PostcodeArea | None:
    """The area of a code whose records only name localities: at the largest town among them, else beside it."""
    first = records[0]
    names = tuple(dict.fromkeys(record.locality for record in records if record.locality))
    neighbours = _beside(country, key)
    named = [town for name in names if (town := _town(country, name, neighbours))]
    if named:
        town = max(named, key=lambda town: town.population)
        is_clear = neighbours is not None or 2 * _around(town, named) > len(named)
    else:
        town, is_clear = neighbours, not any(_towns(country, name) for name in names)
    if town is None or not is_clear:
        return None
    return PostcodeArea(country, first.code, _words(names, town), _region(first), town.latitude, town.longitude)


def _words(names: Sequence[str], town: Town) -> str:
    """The only locality, with the town that stands for it unless that is its own name; of several, the town."""
    if len(names) != 1:
        return town.name
    name = _shown(names[0])
    return name if town in gazetteer.load().find(name) else f"{name} (near {town.name})"


def _town(country: str, name: str, neighbours: Town | None) -> Town | None:
    """The town that a locality names: one near the code's neighbours, else one that needs none to confirm it."""
    if neighbours is None:
        return _certain(country, name, is_alone=True)
    near = _nearest(_towns(country, name), neighbours) or _nearest(_mentioned(country, name), neighbours)
    return near or _certain(country, name, is_alone=False)


def _nearest(towns: Sequence[Town], neighbours: Town) -> Town | None:
    """The one nearest to the code's neighbours, when it is not another of that name far away."""
    distances_km = [town.distance_km(neighbours.latitude, neighbours.longitude) for town in towns]
    nearest_km = min(distances_km, default=STRAY_KM)
    return towns[distances_km.index(nearest_km)] if nearest_km < STRAY_KM else None


def _certain(country: str, name: str, is_alone: bool) -> Town | None:
    """The one town that a locality can mean without neighbours to confirm it: many villages of Brazil share a name."""
    least = 0 if is_alone and regions.area_km2(country) <= NARROW_COUNTRY_KM2 else LARGE
    called = [
        town
        for town in _towns(country, name)
        if town.population >= (least if fold(town.name) == fold(name) else VERY_LARGE)
    ]
    found = called or [town for town in _mentioned(country, name) if town.population >= VERY_LARGE]
    return found[0] if len(found) == 1 else None


@lru_cache(maxsize=8192)
def _towns(country: str, name: str) -> tuple[Town, ...]:
    """The towns that a locality is called after, or a part of it that stands for itself."""
    return _called(country, [*_parts(name), *(_japanese_parts(name) if country == "JP" else ())])


def _mentioned(country: str, name: str) -> tuple[Town, ...]:
    """The towns of the longest run of words that names any: weak, for "Rajender Nagar" is not in Nagar."""
    words = [word for word in re.split(r"[\s-]+", name) if not any(character.isdigit() for character in word)]
    runs = [
        " ".join(words[start : start + length])
        for length in range(len(words) - 1, 0, -1)
        for start in range(len(words) - length, -1, -1)
    ]
    return _called(country, [run for run in runs if len(run) >= SHORTEST_MENTION])


def _called(country: str, names: Iterable[str]) -> tuple[Town, ...]:
    for name in names:
        found = [town for town in gazetteer.load().find(name) if town.country == country]
        if found:
            return tuple(gazetteer.distinct(found))
    return ()


def _parts(name: str) -> Iterator[str]:
    """A locality, then its parts, the larger place last in it: "San Ángel, Ciudad de México"."""
    yield name
    parts = [part.strip() for part in re.split(r"[,;/()（）]", name) if part.strip()]
    if len(parts) > 1:
        yield from (*parts[:0:-1], parts[0])


def _japanese_parts(name: str) -> Iterator[str]:
    """The beginnings that end a city, ward, town or village: "札幌市北区", "札幌市" of "札幌市北区北十条西"."""
    for end in reversed([match.end() for match in _JAPANESE.finditer(name)]):
        yield from (name[:end], name[: end - 1])


@lru_cache(maxsize=4096)
def _beside(country: str, key: str) -> Town | None:
    """Where the codes beside one lie: the town with most of theirs around it; None when these are no majority."""
    towns = _towns_beside(country, key)
    around = [_around(town, towns) for town in towns]
    most = max(around, default=0)
    if most >= FEWEST_BESIDE and 2 * most > len(towns):
        return towns[around.index(most)]
    capital = _called(country, [regions.capital(country)]) if regions.area_km2(country) <= CAPITAL_STANDS_KM2 else ()
    return capital[0] if capital else None


def _towns_beside(country: str, key: str) -> list[Town]:
    """The towns of the nearest codes, of those whose locality can be one town only."""
    found: list[Town] = []
    shared = key[: len(key) // 2]  # codes that differ earlier lie in other parts of the country
    for record in postal_package.records_beside(country, key, SHARE_BESIDE):
        is_beside = key_of(record.code).startswith(shared)
        towns = _towns(country, record.locality) if is_beside else ()
        found += towns if len(towns) == 1 else ()
        if len(found) == BESIDE:
            break
    return found


def _around(town: Town, towns: Sequence[Town]) -> int:
    """How many towns, itself among them, lie near one."""
    points = unit_vectors([other.latitude for other in towns], [other.longitude for other in towns])
    return int((great_circle_km(town.latitude, town.longitude, points) <= BESIDE_KM).sum())
