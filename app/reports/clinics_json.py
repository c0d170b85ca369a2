"""Nearest clinics as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from app.clinics import referral
from app.clinics.facts import age_days
from app.clinics.nearest import Nearby
from app.places.place import Place


def place_json(place: Place) -> dict[str, Any]:
    """A point with its label and country, and whether it only stands for an area."""
    return {name: getattr(place, name) for name in ("label", "latitude", "longitude", "country", "is_approximate")}


def clinics_json(place: Place, nearby: Nearby, unit: str) -> dict[str, Any]:
    """The nearest clinics around a place, each with its distance in `unit` ("km" or "miles") and in both."""
    today = datetime.now(UTC).date()
    clinics = [asdict(clinic) | {"facts_age_days": age_days(clinic.checked_on, today)} for clinic in nearby.clinics]
    return {
        "place": place_json(place),
        "unit": unit,
        "clinics": [clinic | {"distance": clinic[f"distance_{unit}"]} for clinic in clinics],
        "is_far": nearby.is_far,
        "is_beyond": nearby.is_beyond,
        "hint": nearby.hint,
        "referral": _referral_json() if nearby.is_far or nearby.is_beyond else None,
        "facts_date": nearby.facts_date,
        "sources": list(nearby.sources),
    }


def _referral_json() -> dict[str, str] | None:
    way = referral.pathway()
    return {"text": way.text, "phone": way.phone} if way else None
