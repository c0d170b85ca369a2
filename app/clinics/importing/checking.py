"""From a draft to facts: what is refused, what is dropped, what is placed by its town, what looks odd."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from app.clinics import links
from app.clinics.facts import HOSPITAL, KINDS, ClinicFacts
from app.clinics.importing import service
from app.clinics.importing.draft import Draft
from app.places import gazetteer, postal_files, regions
from app.places.folding import fold
from app.places.gazetteer import Gazetteer
from app.places.place import cleaned_line
from app.tables import Clinic

FAR_FROM_CITY_KM = 50.0
TOWN_OF_A_POINT_KM = 10.0


class RefusedRow(ValueError):
    """This row can't become a clinic; the message says why."""


@dataclass(frozen=True)
class Circumstances:
    """What checking a row needs besides the row."""

    towns: Gazetteer
    postcode_folder: Path
    source: str
    checked_on: str


@dataclass(frozen=True)
class _Spot:
    latitude: float
    longitude: float
    is_approximate: bool = False


@dataclass(frozen=True)
class Checked:
    """A clinic fit to be stored, and what looks odd about it."""

    facts: ClinicFacts
    warnings: tuple[str, ...] = field(default=())


def check(draft: Draft, given: Circumstances) -> Checked:
    """Judge a draft.

    Raises:
        RefusedRow: no name, no known country, coordinates that are out of range or 0, 0, or no way to place it.
    """
    name = service.without_filler(_text(draft.name, "name"))
    if not name:
        raise RefusedRow("no name")
    spot = _written_spot(draft)
    country = _country(draft, spot, given.towns)
    city, region = service.without_filler(_text(draft.city, "city")), _text(draft.region, "region")
    code = _contact(draft.postal_code, "postal_code")
    spot = spot or _spot_by_postcode(code, country, given) or _spot_by_city(city, region, country, given.towns)
    facts = ClinicFacts(
        name=name,
        kind=_kind(draft.kind, name),
        address=_contact(draft.address, "address"),
        city=city or _town_at(spot, given.towns),
        region=region,
        country=country,
        postal_code=code,
        phone=_phone(draft.phone),
        website=links.website(_contact(draft.website, "website")),
        latitude=spot.latitude,
        longitude=spot.longitude,
        is_approximate=draft.is_approximate or spot.is_approximate,
        source=_text(draft.source, "source") or given.source,
        checked_on=service.iso_date(draft.checked_on) or given.checked_on,
    )
    return Checked(facts, tuple(oddities(facts, given.towns)))


def _text(text: str, column: str) -> str:
    """Collapsed white space, no control characters, no longer than the column."""
    length: int = Clinic.__table__.c[column].type.length
    return cleaned_line(text)[:length]


def _contact(text: str, column: str) -> str:
    return service.without_filler(_text(text, column), is_contact=True)


def _phone(text: str) -> str:
    """The number as written when it can be dialled; ten equal digits are a filler."""
    written = _contact(text, "phone")
    digits = {character for character in written if character.isdigit()}
    return written if links.phone(written) and len(digits) > 1 else ""


def _kind(written: str, name: str) -> str:
    key = fold(written).replace(" ", "_")
    return key if key in KINDS else service.kind_of(written, name) or HOSPITAL


def _written_spot(draft: Draft) -> _Spot | None:
    """The coordinates of the row; None when both are blank."""
    texts = [text.strip().replace(",", ".") for text in (draft.latitude, draft.longitude)]
    if all(service.is_missing_number(text) for text in texts):
        return None
    try:
        latitude, longitude = (float(text) for text in texts)
    except ValueError as error:
        raise RefusedRow("the coordinates are no numbers") from error
    if not abs(latitude) <= 90.0:  # written so that NaN is refused too
        raise RefusedRow(f"latitude {texts[0]} is not between -90 and 90")
    if not abs(longitude) <= 180.0:
        raise RefusedRow(f"longitude {texts[1]} is not between -180 and 180")
    if latitude == longitude == 0.0:
        raise RefusedRow("coordinates 0, 0 stand for unknown")
    return _Spot(latitude, longitude)


def _country(draft: Draft, spot: _Spot | None, towns: Gazetteer) -> str:
    """The code of two letters for what is written, or of the nearest town where nothing is."""
    if draft.country.strip():
        code = regions.country_code(draft.country)
        if code is None:
            raise RefusedRow(f"unknown country {cleaned_line(draft.country)[:40]}")
        return code
    if spot is None:
        raise RefusedRow("no country")
    town, distance_km = towns.nearest(spot.latitude, spot.longitude)
    if distance_km > gazetteer.AT_SEA_KM:
        raise RefusedRow("no country, and no town is near")
    return town.country


def _spot_by_postcode(code: str, country: str, given: Circumstances) -> _Spot | None:
    areas = postal_files.find(given.postcode_folder, code, [country]) if code else []
    return _Spot(areas[0].latitude, areas[0].longitude, is_approximate=True) if areas else None


def _spot_by_city(city: str, region: str, country: str, towns: Gazetteer) -> _Spot:
    """The one town of that name in the country, and in the region where that is known."""
    if not city:
        raise RefusedRow("neither coordinates nor a city")
    found = [town for town in towns.find(city) if town.country == country]
    codes = {area for land, area in regions.read(region) if land == country and area}
    if codes:
        found = [town for town in found if town.region in codes]
    found = gazetteer.distinct(gazetteer.main_named(found, city))
    where = ", ".join(part for part in (city, region, country) if part)
    if not found:
        raise RefusedRow(f"no coordinates, and no town called {where} is known")
    if len(found) > 1:
        raise RefusedRow(f"no coordinates, and {len(found)} towns are called {where}")
    return _Spot(found[0].latitude, found[0].longitude, is_approximate=True)


def _town_at(spot: _Spot, towns: Gazetteer) -> str:
    town, distance_km = towns.nearest(spot.latitude, spot.longitude)
    return town.name if distance_km <= TOWN_OF_A_POINT_KM else ""


def oddities(facts: ClinicFacts, towns: Gazetteer) -> list[str]:
    """What a person should look at: a point in another country, or far from the city that the row names."""
    countries = towns.countries_at(facts.latitude, facts.longitude)
    if facts.country not in countries:
        town, distance_km = towns.nearest(facts.latitude, facts.longitude)
        return [f"the nearest town is {town.label}, {distance_km:.0f} km away{_swapped(facts, towns)}"]
    named = [town for town in towns.find(facts.city) if town.country == facts.country]
    away_km = min((town.distance_km(facts.latitude, facts.longitude) for town in named), default=0.0)
    return [f"the point lies {away_km:.0f} km from {facts.city}"] if away_km > FAR_FROM_CITY_KM else []


def _swapped(facts: ClinicFacts, towns: Gazetteer) -> str:
    """A hint when latitude and longitude would fit the other way round."""
    if abs(facts.longitude) > 90.0 or facts.country not in towns.countries_at(facts.longitude, facts.latitude):
        return ""
    return "; latitude and longitude seem to be swapped"
