"""Statistics Canada's Open Database of Healthcare Facilities (Open Government Licence - Canada)."""

from __future__ import annotations

from app.clinics.facts import HOSPITAL
from app.clinics.importing import service, table
from app.clinics.importing.draft import Draft, ImportRefused, Note, Rows

NAME = "odhf"
TITLE = "StatCan Open Database of Healthcare Facilities"
SOURCE = "StatCan ODHF (OGL-Canada)"


def looks_like(text: str) -> bool:
    """True when the first line names columns that only this database has."""
    names = set(table.header(text))
    return "facility_name" in names and bool(names & {"odhf_facility_type", "source_facility_type", "csdname", "pruid"})


def read(text: str) -> Rows:
    """Yield hospitals and breast or cancer services; care homes and other practices are refused.

    Raises:
        ImportRefused: the column facility_name is missing.
    """
    if "facility_name" not in table.header(text):
        raise ImportRefused("The first line must name the column facility_name.")
    for line, row in table.rows(text):
        yield _draft(line, row)


def _draft(line: int, row: dict[str, str]) -> Draft | Note:
    name = row["facility_name"]
    is_hospital = "hospital" in row.get("odhf_facility_type", "").casefold()
    kind = service.kind_of(name, row.get("source_facility_type", "")) or (HOSPITAL if is_hospital else "")
    if not kind:
        return Note(line, name, "neither a hospital nor a breast or cancer service")
    street = " ".join(row.get(part, "").strip() for part in ("unit", "street_no", "street_name")).strip()
    return Draft(
        line=line,
        name=name,
        kind=kind,
        address=street if row.get("street_name", "").strip() else row.get("source_format_str_address", ""),
        city=row.get("city", "") or row.get("csdname", ""),
        region=row.get("province", "").strip().upper(),
        country="CA",
        postal_code=row.get("postal_code", ""),
        latitude=row.get("latitude", ""),
        longitude=row.get("longitude", ""),
    )
