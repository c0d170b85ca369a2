"""The nearest clinics to a point, in the order in which a person should try them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from app.clinics import candidates, links
from app.clinics.candidates import FAR_KM, REACH_KM
from app.clinics.facts import HOSPITAL, KINDS
from app.places import gazetteer
from app.places.distance import KM_PER_MILE, geodesic_km
from app.places.regions import country_name
from app.tables import Clinic
from app.web.extensions import db

MAX_LIMIT = 50
MARGIN = 7  # candidates beyond the limit: the sphere that chooses them is up to 0.6 % off the ellipsoid

NOTHING_HINT = (
    "No clinic of this country in this list lies within 300 km (186 miles). Your family doctor, or the nearest "
    "hospital or health centre, knows where to send you."
)
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

    `is_approximate`: the distance is measured to the town, not to the building. `is_abroad`: not in the person's
    country. `phone_link` and `website` are "" where there is nothing that is safe to link to.
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
    is_abroad: bool
    directions_url: str
    source: str
    checked_on: str


@dataclass(frozen=True)
class Nearby:
    """The clinics to show around a point.

    Attributes:
        clinics: in the order in which to try them, see `nearest`.
        is_far: True when none of them lies within 150 km, also when there are none.
        is_beyond: True when other countries, and what lies farther than 300 km, were asked for.
        facts_date: ISO date of the oldest facts among them; "" when there are none.
        hint: a sentence to show above the list; "" when there is nothing to say.
        sources: whose facts these are, to be credited.
    """

    clinics: tuple[ClinicDistance, ...]
    is_far: bool
    is_beyond: bool
    facts_date: str
    hint: str
    sources: tuple[str, ...]


def nearest(
    latitude: float, longitude: float, country: str | None = None, limit: int = 5, beyond: bool = False
) -> Nearby:
    """Up to `limit` clinics of the own country within 300 km, first those within 150 km, there dedicated centres first.

    So a general hospital stands after the dedicated centres even when it is nearer, but not after centres that are no
    longer near: in Hamburg the university hospital at 5 km comes before the cancer centre 380 km away.

    Args:
        latitude, longitude: degrees.
        country: the person's country (two letters); taken from the nearest towns when it is not given.
        beyond: go on with what lies farther, and then with other countries, until `limit` is reached.

    Raises:
        BadPoint: the coordinates are out of range or not finite.
    """
    _check(latitude, longitude)
    home = {country.upper()} if country else gazetteer.load().countries_at(latitude, longitude)
    limit = max(1, min(limit, MAX_LIMIT))
    rows = _rows(candidates.choose(latitude, longitude, home, limit + MARGIN, beyond))
    seen = [_seen_from(latitude, longitude, row, home) for row in rows]
    listed = [clinic for clinic in seen if beyond or clinic.distance_km <= REACH_KM]
    return _nearby(sorted(listed, key=_order)[:limit], beyond)


def _check(latitude: float, longitude: float) -> None:
    if not (math.isfinite(latitude) and abs(latitude) <= 90.0):
        raise BadPoint("The latitude has to lie between -90 and 90 degrees.")
    if not (math.isfinite(longitude) and abs(longitude) <= 180.0):
        raise BadPoint("The longitude has to lie between -180 and 180 degrees.")


def _order(clinic: ClinicDistance) -> tuple[bool, bool, bool, float]:
    """Own country, then near, then dedicated, then the distance: smaller sorts first."""
    return clinic.is_abroad, clinic.distance_km > FAR_KM, clinic.is_hospital, clinic.distance_km


def _rows(ids: list[int]) -> list[Clinic]:
    return list(db.session.scalars(select(Clinic).where(Clinic.id.in_(ids))))


def _seen_from(latitude: float, longitude: float, clinic: Clinic, home: Collection[str]) -> ClinicDistance:
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
        is_abroad=clinic.country not in home,
        directions_url=links.directions(latitude, longitude, clinic.latitude, clinic.longitude),
        source=clinic.source,
        checked_on=clinic.checked_on,
    )


def _nearby(clinics: list[ClinicDistance], is_beyond: bool) -> Nearby:
    near = [clinic for clinic in clinics if clinic.distance_km <= FAR_KM]
    is_only_hospitals = all(clinic.is_hospital for clinic in near)
    far_hint = FAR_HINT if clinics else NOTHING_HINT
    hint = far_hint if not near else HOSPITAL_HINT if is_only_hospitals else ""
    dates = [clinic.checked_on for clinic in clinics if clinic.checked_on]
    sources = tuple(dict.fromkeys(clinic.source for clinic in clinics if clinic.source))
    return Nearby(tuple(clinics), not near, is_beyond, min(dates, default=""), hint, sources)
