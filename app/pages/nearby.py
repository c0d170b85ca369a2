"""What the clinic list may read, on the clinics page and on a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from markupsafe import Markup

from app.clinics import map_drawing, referral
from app.clinics.facts import OLD_AFTER_YEARS, age_days
from app.clinics.nearest import ClinicDistance, nearest
from app.clinics.referral import Referral
from app.forms.place import BadPlace, Whereabouts
from app.pages.place_field import PlaceField, place_field
from app.places.distance import KM_PER_MILE
from app.places.place import Place, Resolution

_NO_MAP = Markup("")
SHOWN = 5  # clinics on a page
DAYS_OF_A_MONTH, DAYS_OF_A_YEAR = 30.4375, 365.25


@dataclass(frozen=True)
class ClinicEntry:
    """A clinic in words: its distance in the operator's unit first, and since when its facts are known.

    `month` is that of its facts ("January 2020", "" when it is unknown), `age` how old they are.
    """

    clinic: ClinicDistance
    distance: str
    address: str
    month: str
    age: str
    is_old: bool


@dataclass(frozen=True)
class NearbyPage:
    """The place form and what it led to.

    Attributes:
        field: what the form promises to understand.
        text: what was typed, to stand in the field again.
        problem: why there is no list; "" when there is one or nothing was asked.
        choices: places to choose from when the name is ambiguous.
        is_cut: True when there are more of them than are shown.
        ignored: parts of the text that were not understood.
        label: the place that was looked around; "" when there is none.
        referral: the operator's own way to a clinic, where none is near.
        farther: fields of the address that also lists what lies farther or abroad; None where that adds nothing.
        nearer: fields of the address that doesn't; None where this one doesn't.
        map: a drawn map; empty without a list.
    """

    field: PlaceField
    text: str = ""
    problem: str = ""
    choices: tuple[Place, ...] = ()
    is_cut: bool = False
    ignored: tuple[str, ...] = ()
    label: str = ""
    entries: tuple[ClinicEntry, ...] = ()
    hint: str = ""
    referral: Referral | None = None
    farther: Mapping[str, str] | None = None
    nearer: Mapping[str, str] | None = None
    sources: tuple[str, ...] = ()
    credit: str = ""
    map: Markup = _NO_MAP

    @property
    def has_old_facts(self) -> bool:
        """True when a clinic may well have moved or closed since."""
        return any(entry.is_old for entry in self.entries)


def nearby_page(where: Whereabouts, stored: Place | None, unit: str, beyond: bool = False) -> NearbyPage:
    """The clinics near what was asked for, else near the place that came with the picture, else the bare form.

    Args:
        beyond: the person asked for clinics farther away or across a border, too.
    """
    if not where.is_given:
        return _listed(where, stored, Resolution((), credit=""), unit, beyond) if stored else bare_page()
    resolution = where.resolution()
    if not resolution.matches:
        return NearbyPage(place_field(), where.text, resolution.unknown, ignored=resolution.ignored)
    if resolution.is_ambiguous:
        return NearbyPage(
            place_field(),
            where.text,
            choices=resolution.matches,
            is_cut=resolution.total > len(resolution.matches),
            ignored=resolution.ignored,
            credit=resolution.credit,
        )
    return _listed(where, resolution.matches[0], resolution, unit, beyond)


def bare_page() -> NearbyPage:
    """The form alone."""
    return NearbyPage(place_field())


def refused_page(text: str, refusal: BadPlace) -> NearbyPage:
    """The form again, with why its fields could not be used."""
    return NearbyPage(place_field(), text[:200], refusal.sentence)


def distance_in_words(kilometres: float, unit: str, is_approximate: bool) -> str:
    """For instance "3.4 km (2.1 miles)"; "about" where only the town is known."""
    shown = [(kilometres, "km"), (kilometres / KM_PER_MILE, "miles")]
    first, second = shown if unit == "km" else reversed(shown)
    return f"{'about ' if is_approximate else ''}{_length(*first)} ({_length(*second)})"


def _length(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def age_in_words(days: int | None) -> str:
    """For instance "6 years old": whole years from two on, whole months before."""
    if days is None:
        return "of unknown age"
    months, years = int(days / DAYS_OF_A_MONTH), int(days / DAYS_OF_A_YEAR)
    if years >= 2:
        return f"{years} years old"
    if months >= 1:
        return f"{months} month{'s' if months > 1 else ''} old"
    return "less than a month old"


def _listed(where: Whereabouts, place: Place, resolution: Resolution, unit: str, beyond: bool) -> NearbyPage:
    found = nearest(place.latitude, place.longitude, place.country, SHOWN, beyond)
    today = datetime.now(UTC).date()
    fields = _address_fields(where)
    return NearbyPage(
        field=place_field(),
        text=where.text,
        ignored=resolution.ignored,
        label=place.label,
        entries=tuple(_entry(clinic, unit, place.is_approximate, today) for clinic in found.clinics),
        hint=found.hint,
        referral=referral.pathway() if found.is_far or beyond else None,
        farther=None if beyond or len(found.clinics) == SHOWN else fields | {"beyond": "yes"},
        nearer=fields if beyond else None,
        sources=found.sources,
        credit=resolution.credit,
        map=map_drawing.draw(place.latitude, place.longitude, place.label, found.clinics, unit),
    )


def _address_fields(where: Whereabouts) -> dict[str, str]:
    """What leads to the same place again."""
    fields = {"place": where.text} if where.text else {}
    if where.point is None:
        return fields
    point = where.point
    return fields | {"latitude": str(point.latitude), "longitude": str(point.longitude), "label": point.label}


def _entry(clinic: ClinicDistance, unit: str, is_place_approximate: bool, today: date) -> ClinicEntry:
    town = " ".join(part for part in (clinic.city, clinic.region, clinic.postal_code) if part)
    days = age_days(clinic.checked_on, today)
    return ClinicEntry(
        clinic,
        distance_in_words(clinic.distance_km, unit, clinic.is_approximate or is_place_approximate),
        ", ".join(part for part in (clinic.address, town, clinic.country_name) if part),
        month="" if days is None else f"{date.fromisoformat(clinic.checked_on):%B %Y}",
        age=age_in_words(days),
        is_old=days is None or days > OLD_AFTER_YEARS * DAYS_OF_A_YEAR,
    )
