"""Nearest clinics as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.clinics.nearest import Nearby
from app.places.place import Place


def place_json(place: Place) -> dict[str, Any]:
    """A point with its label and country."""
    return {name: getattr(place, name) for name in ("label", "latitude", "longitude", "country")}


def clinics_json(place: Place, nearby: Nearby, unit: str) -> dict[str, Any]:
    """The nearest clinics around a place, each with its distance in `unit` ("km" or "miles") and in both."""
    clinics = [asdict(clinic) for clinic in nearby.clinics]
    return {
        "place": place_json(place),
        "unit": unit,
        "clinics": [clinic | {"distance": clinic[f"distance_{unit}"]} for clinic in clinics],
        "is_far": nearby.is_far,
        "hint": nearby.hint,
        "facts_date": nearby.facts_date,
        "sources": list(nearby.sources),
    }
