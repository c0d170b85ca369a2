"""The nearest clinics to a point, in the order in which a person should try them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from app.clinics import candidates, links
from app.clinics.candidates import FAR_KM
from app.clinics.facts import HOSPITAL, KINDS
from app.places import gazetteer
from app.places.distance import KM_PER_MILE, geodesic_km
from app.places.regions import country_name
from app.tables import Clinic
from app.web.extensions import db

MAX_LIMIT = 50
MARGIN = 7  # candidates beyond the limit: the sphere that chooses them is up to 0.6 % off the ellipsoid

FAR_HINT = (
    "No clinic in this list lies within 150 km (93 miles). Your family doctor or local health service knows who is "
    "nearer."
)
HOSPITAL_HINT = (
    "No breast or cancer centre in this list lies within 150 km (93 miles). A general hospital near you may have a "
    "breast service: call first, or ask your family doctor."
)


class BadPoint(ValueError):
    """The coordinates are no point on earth. The message is fit to be shown."""


@dataclass(frozen=True)
class ClinicDistance:
    """A clinic as a page or the JSON interface shows it, seen from one point.

    `is_approximate`: the distance is measured to the town, not to the building. `phone_link` and `website` are "" where
    there is nothing that is safe to link to.
    """

    name: str
    kind: str
    kind_label: str
    address: str
    city: str
    region: str
    postal_code: str
    country: str
    country_name: str
    phone: str
    phone_link: str
    website: str
    latitude: float
    longitude: float
    distance_km: float
    distance_miles: float
    is_approximate: bool
    is_hospital: bool
    directions_url: str
    source: str
    checked_on: str


@dataclass(frozen=True)
class Nearby:
    """The clinics to show around a point.

    Attributes:
        clinics: in the order in which to try them, see `nearest`.
        is_far: True when none of them lies within 150 km.
        facts_date: ISO date of the oldest facts among them; "" when there are none.
        hint: a sentence to show above the list; "" when there is nothing to say.
        sources: whose facts these are, to be credited.
    """

    clinics: tuple[ClinicDistance, ...]
    is_far: bool
    facts_date: str
    hint: str
    sources: tuple[str, ...]


def nearest(latitude: float, longitude: float, country: str | None = None, limit: int = 5) -> Nearby:
    """Up to `limit` clinics: own country first, within it what lies within 150 km, among these dedicated centres first.

    So a general hospital stands after the dedicated centres even when it is nearer, but not after centres that are no
    longer near: in Hamburg the university hospital at 5 km comes before the cancer centre 380 km away.

    Args:
        latitude, longitude: degrees.
        country: the person's country (two letters); taken from the nearest towns when it is not given.

    Raises:
        BadPoint: the coordinates are out of range or not finite.
    """
    _check(latitude, longitude)
    home = {country.upper()} if country else gazetteer.load().countries_at(latitude, longitude)
    limit = max(1, min(limit, MAX_LIMIT))
    rows = _rows(candidates.choose(latitude, longitude, home, limit + MARGIN))
    seen = [_seen_from(latitude, longitude, row) for row in rows]
    return _nearby(sorted(seen, key=lambda clinic: _order(clinic, home))[:limit])


def _check(latitude: float, longitude: float) -> None:
    if not (math.isfinite(latitude) and abs(latitude) <= 90.0):
        raise BadPoint("The latitude has to lie between -90 and 90 degrees.")
    if not (math.isfinite(longitude) and abs(longitude) <= 180.0):
        raise BadPoint("The longitude has to lie between -180 and 180 degrees.")


def _order(clinic: ClinicDistance, home: Collection[str]) -> tuple[bool, bool, bool, float]:
    """Own country, then near, then dedicated, then the distance: smaller sorts first."""
    is_foreign = clinic.country not in home
    return is_foreign, clinic.distance_km > FAR_KM, clinic.is_hospital, clinic.distance_km


def _rows(ids: list[int]) -> list[Clinic]:
    return list(db.session.scalars(select(Clinic).where(Clinic.id.in_(ids))))


def _seen_from(latitude: float, longitude: float, clinic: Clinic) -> ClinicDistance:
    kilometres = geodesic_km(latitude, longitude, clinic.latitude, clinic.longitude)
    return ClinicDistance(
        name=clinic.name,
        kind=clinic.kind,
        kind_label=KINDS.get(clinic.kind, KINDS[HOSPITAL]),
        address=clinic.address,
        city=clinic.city,
        region=clinic.region,
        postal_code=clinic.postal_code,
        country=clinic.country,
        country_name=country_name(clinic.country),
        phone=clinic.phone,
        phone_link=links.phone(clinic.phone),
        website=links.website(clinic.website),
        latitude=clinic.latitude,
        longitude=clinic.longitude,
        distance_km=kilometres,
        distance_miles=kilometres / KM_PER_MILE,
        is_approximate=clinic.is_approximate,
        is_hospital=clinic.kind == HOSPITAL,
        directions_url=links.directions(latitude, longitude, clinic.latitude, clinic.longitude),
        source=clinic.source,
        checked_on=clinic.checked_on,
    )


def _nearby(clinics: list[ClinicDistance]) -> Nearby:
    near = [clinic for clinic in clinics if clinic.distance_km <= FAR_KM]
    is_only_hospitals = all(clinic.is_hospital for clinic in near)
    hint = FAR_HINT if not near else HOSPITAL_HINT if is_only_hospitals else ""
    dates = [clinic.checked_on for clinic in clinics if clinic.checked_on]
    sources = tuple(dict.fromkeys(clinic.source for clinic in clinics if clinic.source))
    return Nearby(tuple(clinics), not near, min(dates, default=""), hint, sources)
