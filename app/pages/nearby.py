"""What the clinic list may read, on the clinics page and on a result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from app.clinics import map_drawing
from app.clinics.nearest import ClinicDistance, nearest
from app.forms.place import BadPlace, Whereabouts
from app.places.distance import KM_PER_MILE
from app.places.place import Place, Resolution

_NO_MAP = Markup("")
UNKNOWN = "No place of that name is known here. Try the nearest larger town, with its country."


@dataclass(frozen=True)
class ClinicEntry:
    """A clinic with its distance in words: the operator's unit first, the other in brackets."""

    clinic: ClinicDistance
    distance: str
    address: str


@dataclass(frozen=True)
class NearbyPage:
    """The place form and what it led to.

    Attributes:
        text: what was typed, to stand in the field again.
        problem: why there is no list; "" when there is one or nothing was asked.
        choices: places to choose from when the name is ambiguous.
        ignored: parts of the text that were not understood.
        label: the place of the list; "" without a list.
        map: a drawn map; empty without a list.
    """

    text: str = ""
    problem: str = ""
    choices: tuple[Place, ...] = ()
    ignored: tuple[str, ...] = ()
    label: str = ""
    entries: tuple[ClinicEntry, ...] = ()
    hint: str = ""
    facts_date: str = ""
    sources: tuple[str, ...] = ()
    credit: str = ""
    map: Markup = _NO_MAP

    @property
    def facts_date_in_words(self) -> str:
        """For instance "7 August 2020"; what is no ISO date is shown as it is."""
        try:
            day = date.fromisoformat(self.facts_date)
        except ValueError:
            return self.facts_date
        return f"{day.day} {day:%B %Y}"


def nearby_page(where: Whereabouts, stored: Place | None, unit: str) -> NearbyPage:
    """The clinics near what was asked for, else near the place that came with the picture, else the bare form."""
    if not where.is_given:
        return _listed("", stored, Resolution((), credit=""), unit) if stored else NearbyPage()
    resolution = where.resolution()
    if not resolution.matches:
        return NearbyPage(text=where.text, problem=UNKNOWN, ignored=resolution.ignored)
    if resolution.is_ambiguous:
        return NearbyPage(where.text, "", resolution.matches, resolution.ignored, credit=resolution.credit)
    return _listed(where.text, resolution.matches[0], resolution, unit)


def refused_page(text: str, refusal: BadPlace) -> NearbyPage:
    """The form again, with why its fields could not be used."""
    return NearbyPage(text=text[:200], problem=refusal.sentence)


def distance_in_words(kilometres: float, unit: str, is_approximate: bool) -> str:
    """For instance "3.4 km (2.1 miles)"; "about" where only the town is known."""
    shown = [(kilometres, "km"), (kilometres / KM_PER_MILE, "miles")]
    first, second = shown if unit == "km" else reversed(shown)
    return f"{'about ' if is_approximate else ''}{_length(*first)} ({_length(*second)})"


def _length(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def _listed(text: str, place: Place, resolution: Resolution, unit: str) -> NearbyPage:
    found = nearest(place.latitude, place.longitude, place.country)
    return NearbyPage(
        text=text,
        ignored=resolution.ignored,
        label=place.label,
        entries=tuple(_entry(clinic, unit) for clinic in found.clinics),
        hint=found.hint,
        facts_date=found.facts_date,
        sources=found.sources,
        credit=resolution.credit,
        map=map_drawing.draw(place.latitude, place.longitude, place.label, found.clinics, unit),
    )


def _entry(clinic: ClinicDistance, unit: str) -> ClinicEntry:
    town = " ".join(part for part in (clinic.city, clinic.region, clinic.postal_code) if part)
    address = ", ".join(part for part in (clinic.address, town, clinic.country_name) if part)
    return ClinicEntry(clinic, distance_in_words(clinic.distance_km, unit, clinic.is_approximate), address)
