"""Postcodes: what looks like one, and the areas that it may mean.

The operator's GeoNames files answer for their countries, the package for all others. A code that several countries
have gives an area of each: the person is asked which is meant.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from app.places import localities, postal_files, postal_package, regions
from app.places.place import GEONAMES_CREDIT, POSTCODE_CREDIT
from app.places.postal_area import PostcodeArea, key_of

FEWEST = 3  # characters of a code: Iceland has three digits
FEWEST_IN_A_LINE = 4  # of one that stands among other words, where three are more likely a house number
LONGEST_OF_TWO_WORDS = 8
MOST = 10

# Fewer than half of the package's codes of these lead to a place, as sampled from version 2.0.1: their records have no
# point, and no locality or one that the gazetteer does not know. What does lead to a place is answered all the same.
PATCHY = {
    "BD", "BN", "CO", "CZ", "DO", "FK", "GL", "GS", "IO", "IR", "KH", "LV", "MG", "MM", "MN", "NA", "NP", "PE", "PF",
    "PW", "RO", "SK", "UA", "UY",
}  # fmt: skip


def countries(folder: Path | None) -> frozenset[str]:
    """The countries of which codes are known well enough to promise them: half of them at least.

    Args:
        folder: the operator's postal files; None where there can be none.
    """
    return (postal_package.countries() - PATCHY) | (postal_files.countries(folder) if folder else frozenset())


def find(folder: Path | None, code: str, wanted: Collection[str] | None = None, limit: int = 20) -> list[PostcodeArea]:
    """The areas of a postcode, one per country, those of the most populous countries first.

    Args:
        folder: the operator's postal files; None where there can be none.
        wanted: look only into these countries.
        limit: how many at most.
    """
    key = key_of(code)
    own = {area.country: area for area in postal_files.find(folder, key, wanted)} if folder else {}
    others = postal_package.countries() - (postal_files.countries(folder) if folder else frozenset())
    asked = own.keys() | (others if wanted is None else others & set(wanted))
    found: list[PostcodeArea] = []
    for country in sorted(asked, key=regions.population, reverse=True):
        area = own.get(country) or localities.area(country, key)
        found += [area] if area else []
        if len(found) == limit:
            break
    return found


def credit(folder: Path | None, areas: Collection[PostcodeArea]) -> str:
    """Whose data told where these areas lie."""
    own = postal_files.countries(folder) if folder else frozenset()
    return GEONAMES_CREDIT if all(area.country in own for area in areas) else POSTCODE_CREDIT


def codes_in(part: str) -> list[str]:
    """What may be a postcode in a part of a typed place: "ON L8P 4X1" holds "L8P 4X1"; the longest first."""
    words = part.split()
    runs = ["".join(f" {word}" for word in run).strip() for run in _runs_with_digits(words)]
    candidates = {run for run in runs if len(key_of(run)) >= FEWEST_IN_A_LINE}
    if len(words) == 1 or len(key_of(part)) <= LONGEST_OF_TWO_WORDS:
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
    key = key_of(text)
    return FEWEST <= len(key) <= MOST and key.isascii() and any(character.isdigit() for character in key)
