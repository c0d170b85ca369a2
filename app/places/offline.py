"""A typed place answered from the gazetteer alone: nothing leaves the server."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from app.places import gazetteer, postcodes, regions, typed_coordinates
from app.places.folding import fold
from app.places.gazetteer import Gazetteer, Town
from app.places.place import (
    MAX_PLACE_LENGTH,
    NO_POSTCODES,
    NO_POSTCODES_OF,
    UNKNOWN_PLACE,
    UNKNOWN_POSTCODE,
    Place,
    Resolution,
    coarse,
)
from app.places.postal_area import PostcodeArea

MAX_CHOICES = 20
SUBURB_KM = 60.0  # "Croydon, London": how far a part may lie from the town named after it
LARGER_TOWN_KM = 80.0
LEAST_OF_A_POSTCODE = 4  # characters; with fewer, somebody rather meant something else


@dataclass(frozen=True)
class _Reading:
    """One way to read the text: the towns it may mean, and the words that were not used."""

    towns: tuple[Town, ...]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _TypedPostcode:
    """What a text says if it holds a postcode: candidates for the code, and what is named beside it."""

    codes: tuple[str, ...]
    countries: frozenset[str]
    towns: tuple[Town, ...]


def resolve(text: str, postcode_folder: Path | None = None) -> Resolution:
    """The places that a cleaned text may mean.

    Args:
        text: coordinates, a postcode, or a town with region and country behind commas ("Paris, TX").
        postcode_folder: the operator's GeoNames postal files; None where there can be none.
    """
    coordinates = typed_coordinates.read(text)
    if coordinates is not None:
        return Resolution((_place_at(*coordinates),), total=1)
    parts = [part for part in (piece.strip() for piece in re.split("[,;]", text)) if part]
    typed = _typed_postcode(parts)
    areas = _areas(typed, postcode_folder)
    if areas:
        places = tuple(area.place() for area in areas[:MAX_CHOICES])
        return Resolution(places, total=len(areas), credit=postcodes.credit(postcode_folder, areas))
    reading = _read(gazetteer.load(), parts)
    towns = gazetteer.distinct(reading.towns)
    unknown = _why_unknown(typed, postcode_folder)
    return Resolution(_places(towns[:MAX_CHOICES]), total=len(towns), ignored=reading.ignored, unknown=unknown)


def _place_at(latitude: float, longitude: float) -> Place:
    return coarse(latitude, longitude, "", gazetteer.load().country_at(latitude, longitude))


def _read(towns: Gazetteer, parts: list[str]) -> _Reading:
    """Take the first part that names a town; what stood before it (a street) is reported as not used."""
    for number, part in enumerate(parts):
        before, behind = parts[:number], parts[number + 1 :]
        for name, qualifiers in _splits(part, behind):
            reading = _match(towns, name, qualifiers, is_alone=not before and not qualifiers)
            if reading.towns:
                return replace(reading, ignored=(*before, *reading.ignored))
    return _Reading(())


def _splits(part: str, behind: list[str]) -> list[tuple[str, list[str]]]:
    """The ways to cut a part into a town's name and what qualifies it, the most literal first.

    "Hamilton ON" is tried whole, then as Hamilton in "ON"; "20146 Hamburg" also without the number.
    """
    ways = [(part, behind)]
    for text in dict.fromkeys((part, _without_digits(part))):
        words = text.split()
        for tail in range(1, min(4, len(words))):
            if regions.read(" ".join(words[-tail:])):
                ways.append((" ".join(words[:-tail]), [" ".join(words[-tail:]), *behind]))
    bare = _without_digits(part)
    return [*ways, (bare, behind)] if bare and bare != part else ways


def _without_digits(text: str) -> str:
    return " ".join(word for word in text.split() if not any(character.isdigit() for character in word))


def _match(towns: Gazetteer, name: str, qualifiers: list[str], is_alone: bool) -> _Reading:
    """The towns of a name that lie where every qualifier says.

    A country or region is no town unless one in it has its very name (Singapore, Luxembourg): "Mexico" alone must not
    become a town in Missouri, nor "Nowhereville, Ontario" the Ontario in California.
    """
    found = towns.find(name)
    country = regions.country_called(name)
    if country is not None:
        found = [town for town in found if town.country == country and fold(town.name) == fold(name)]
    elif not is_alone and not qualifiers and regions.read(name):
        found = []
    ignored: list[str] = []
    for qualifier in qualifiers:
        kept = _qualified(towns, found, qualifier)
        if kept is None:
            ignored.append(qualifier)
        else:
            found = kept
    return _Reading(tuple(_without_nicknames(found, name)), tuple(ignored))


def _without_nicknames(found: list[Town], name: str) -> list[Town]:
    """Without smaller towns that only have this as another name: Savage, Minnesota, was once called Hamilton too.

    A larger one stays: "New York" means New York City before any town of exactly that name.
    """
    is_main = [fold(town.name) == fold(name) for town in found]
    if not any(is_main):
        return found
    first_main = is_main.index(True)
    return [town for number, town in enumerate(found) if is_main[number] or number < first_main]


def _qualified(towns: Gazetteer, found: list[Town], qualifier: str) -> list[Town] | None:
    """Those of the towns that lie in a region, a country or near a larger town; None when it is none of these."""
    areas = regions.read(qualifier) or regions.read(_without_digits(qualifier))
    if areas:
        return [town for town in found if (town.country, None) in areas or (town.country, town.region) in areas]
    larger = towns.find(qualifier)
    return [town for town in found if any(_is_suburb(town, other) for other in larger)] or None


def _is_suburb(town: Town, larger: Town) -> bool:
    return larger.distance_km(town.latitude, town.longitude) <= SUBURB_KM


def _places(towns: list[Town]) -> tuple[Place, ...]:
    """Places with labels that tell them apart: same-named towns of a country also say which larger town is near."""
    labels = [town.label for town in towns]
    for detailed in (_label_with_neighbour, _label_with_point):
        labels = [
            detailed(town) if labels.count(label) > 1 else label for town, label in zip(towns, labels, strict=True)
        ]
    return tuple(_place(town, label) for town, label in zip(towns, labels, strict=True))


def _place(town: Town, label: str) -> Place:
    return Place(town.latitude, town.longitude, label[:MAX_PLACE_LENGTH], town.country)


def _label_with_neighbour(town: Town) -> str:
    around = gazetteer.load().within(town.latitude, town.longitude, LARGER_TOWN_KM)
    larger = next((other for other in around if other.country == town.country and other.name != town.name), None)
    return f"{town.label} (near {larger.name})" if larger else _label_with_point(town)


def _label_with_point(town: Town) -> str:
    return f"{town.label} ({town.latitude:.2f}, {town.longitude:.2f})"


def _typed_postcode(parts: list[str]) -> _TypedPostcode:
    """What in a text may be a postcode, the last part first, and the countries and towns that it names beside."""
    words = [bare for part in parts if (bare := _without_digits(part))]
    areas = [area for word in words for tail in _tails(word) for area in regions.read(tail)]
    towns = [town for word in words for town in _towns_at_the_end_of(word)]
    codes = [code for part in reversed(parts) for code in postcodes.codes_in(part)]
    return _TypedPostcode(tuple(codes), frozenset(country for country, _ in areas), tuple(towns))


def _tails(words: str) -> list[str]:
    pieces = words.split()
    return [" ".join(pieces[-tail:]) for tail in range(1, min(5, len(pieces) + 1))]


def _towns_at_the_end_of(words: str) -> list[Town]:
    """The towns of the longest tail that names any: "rue de Rivoli Paris" ends with one, "South Africa" with none."""
    for tail in reversed(_tails(words)):
        if regions.read(tail):
            break
        if found := gazetteer.load().find(tail):
            return found
    return []


def _areas(typed: _TypedPostcode, folder: Path | None) -> list[PostcodeArea]:
    """The areas of the first code that is known: in the named country, and near the named town."""
    wanted = typed.countries or frozenset(town.country for town in typed.towns) or None
    for code in typed.codes:
        areas = postcodes.find(folder, code, wanted, MAX_CHOICES + 1)
        if typed.towns:
            areas = [area for area in areas if any(_is_at(area, town) for town in typed.towns)]
        if areas:
            return areas
    return []


def _is_at(area: PostcodeArea, town: Town) -> bool:
    return area.country == town.country and town.distance_km(area.latitude, area.longitude) <= SUBURB_KM


def _why_unknown(typed: _TypedPostcode, folder: Path | None) -> str:
    """The sentence for a text that led to no place: what is missing, a town or a postcode."""
    if not any(len(code) >= LEAST_OF_A_POSTCODE for code in typed.codes):
        return UNKNOWN_PLACE
    known = postcodes.countries(folder)
    if not known:
        return NO_POSTCODES
    if typed.countries and not typed.countries & known:
        return NO_POSTCODES_OF.format(countries=" or ".join(sorted(map(regions.country_name, typed.countries))))
    return UNKNOWN_POSTCODE
