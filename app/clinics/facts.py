"""Facts about one clinic, as they are read, checked and stored."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

from app.places.folding import fold

BREAST_CLINIC, CANCER_CENTRE, MAMMOGRAPHY, HOSPITAL = "breast_clinic", "cancer_centre", "mammography", "hospital"

OLD_AFTER_YEARS = 3  # a clinic may well have moved or closed since

KINDS = {
    BREAST_CLINIC: "Breast clinic",
    CANCER_CENTRE: "Cancer centre",
    MAMMOGRAPHY: "Mammography facility",
    HOSPITAL: "General hospital, call first",
}


@dataclass(frozen=True)
class ClinicFacts:
    """The columns of the clinic table. `country` is a code of two letters, `checked_on` an ISO date."""

    name: str
    kind: str
    address: str
    city: str
    region: str
    country: str
    postal_code: str
    phone: str
    website: str
    latitude: float
    longitude: float
    is_approximate: bool
    source: str
    checked_on: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two rows the same clinic."""
        return clinic_key(self.name, self.city, self.country)


COLUMNS = tuple(field.name for field in fields(ClinicFacts))


def clinic_key(name: str, city: str, country: str) -> tuple[str, str, str]:
    """Name, city and country without differences of spelling."""
    return fold(name), fold(city), country.upper()


def age_days(checked_on: str, today: date) -> int | None:
    """Days since the facts were so, at least 0; None where their date is unknown."""
    try:
        return max(0, (today - date.fromisoformat(checked_on)).days)
    except ValueError:
        return None
