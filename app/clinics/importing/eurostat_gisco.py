"""Eurostat GISCO's healthcare services, one table for each country of Europe."""

from __future__ import annotations

from app.clinics.facts import HOSPITAL
from app.clinics.importing import service, table
from app.clinics.importing.draft import Draft, ImportRefused, Rows

NAME = "gisco"
TITLE = "Eurostat GISCO healthcare services"
SOURCE = "Eurostat GISCO"

EUROSTAT_CODES = {"EL": "GR", "UK": "GB"}  # where Eurostat departs from ISO 3166
LOW_QUALITY = "3"  # geo_qual: 1 good, 2 medium, 3 low


def looks_like(text: str) -> bool:
    """True when the first line names the columns of GISCO."""
    return {"hospital_name", "cc", "lat", "lon"} <= set(table.header(text))


def read(text: str) -> Rows:
    """Yield a draft per row.

    Raises:
        ImportRefused: a required column is missing.
    """
    if not looks_like(text):
        raise ImportRefused("The first line must name the columns hospital_name, cc, lat and lon.")
    for line, row in table.rows(text):
        yield _draft(line, row)


def _draft(line: int, row: dict[str, str]) -> Draft:
    country = row["cc"].strip().upper()
    country = EUROSTAT_CODES.get(country, country)
    name = _name(row["hospital_name"].strip(), row.get("site_name", "").strip())
    return Draft(
        line=line,
        name=name,
        kind=service.kind_of(name, row.get("facility_type", "")) or HOSPITAL,
        address=service.street_line(row.get("street", ""), row.get("house_number", ""), country),
        city=row.get("city", ""),
        country=country,
        postal_code=row.get("postcode", ""),
        phone=row.get("tel", ""),
        website=row.get("url", ""),
        latitude=row["lat"],
        longitude=row["lon"],
        is_approximate=row.get("geo_qual", "").strip() == LOW_QUALITY,
        checked_on=row.get("ref_date", ""),
    )


def _name(hospital: str, site: str) -> str:
    """The hospital, with its site where that says more."""
    if not site or site.casefold() in hospital.casefold():
        return hospital
    return site if hospital.casefold() in site.casefold() else f"{hospital}, {site}"
