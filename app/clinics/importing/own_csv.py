"""Our own columns: name, country, and latitude with longitude or a city are required; the rest may be missing."""

from __future__ import annotations

from dataclasses import fields

from app.clinics.importing import table
from app.clinics.importing.draft import Draft, ImportRefused, Rows

NAME = "csv"
TITLE = "table of clinics"
SOURCE = ""

_COLUMNS = {field.name for field in fields(Draft)} - {"line", "is_approximate"}


def looks_like(text: str) -> bool:
    """True when the first line names the columns that are always needed."""
    return {"name", "country"} <= set(table.header(text))


def read(text: str) -> Rows:
    """Yield a draft per row.

    Raises:
        ImportRefused: a required column is missing.
    """
    names = set(table.header(text))
    if not {"name", "country"} <= names or not ({"latitude", "longitude"} <= names or "city" in names):
        raise ImportRefused("The first line must name the columns name, country, and latitude and longitude or city.")
    for line, row in table.rows(text):
        values = {column: row[column] for column in _COLUMNS & set(row)}
        is_approximate = row.get("is_approximate", "").strip().casefold() in {"yes", "true", "1"}
        yield Draft(line=line, is_approximate=is_approximate, **values)
