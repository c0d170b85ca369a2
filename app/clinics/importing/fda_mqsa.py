"""The FDA's list of certified mammography facilities: nine fields a line, no header, no coordinates.

Fixed width (name 75, address 50 + 50 + 50, city 50, state 2, ZIP 15, phone 50, fax 50) or the same fields with `|`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.clinics.facts import MAMMOGRAPHY
from app.clinics.importing.draft import Draft, Note, Rows

NAME = "mqsa"
TITLE = "FDA certified mammography facilities (MQSA)"
SOURCE = "FDA MQSA"

WIDTHS = (75, 50, 50, 50, 50, 2, 15, 50, 50)
NEEDED_WIDTH = sum(WIDTHS[:6])  # lines may end after the state
TERRITORIES = {"PR", "GU", "VI", "AS", "MP"}  # countries of their own in ISO 3166 and GeoNames
SAMPLE_LINES = 20
_ZIP = re.compile(r"\d{5}")


def looks_like(text: str) -> bool:
    """True when most of the first lines have a state and a ZIP code where they belong."""
    sample = [fields for _, fields in _lines(text, SAMPLE_LINES)]
    fitting = [fields for fields in sample if _is_fitting(fields)]
    return bool(sample) and len(fitting) * 2 > len(sample)


def read(text: str) -> Rows:
    """Yield a draft per line; lines of another shape are refused."""
    for line, fields in _lines(text):
        if _is_fitting(fields):
            yield _draft(line, fields)
        else:
            yield Note(line, fields[0][:75] if fields else "", "no state and ZIP code where they are expected")


def _lines(text: str, limit: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """Line number and trimmed fields of every line that is not blank."""
    count = 0
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), start=1):
        if line.strip():
            yield number, _fields(line.rstrip("\r"))
            count += 1
        if count == limit:
            return


def _fields(line: str) -> list[str]:
    if "|" in line:
        return [field.strip() for field in line.split("|")]
    starts = [sum(WIDTHS[:number]) for number in range(len(WIDTHS))]
    return [line[start : start + width].strip() for start, width in zip(starts, WIDTHS, strict=True)]


def _is_fitting(fields: list[str]) -> bool:
    if len(fields) < 7:
        return False
    state, code = fields[5], fields[6]
    return len(state) == 2 and state.isalpha() and (not code or _ZIP.match(code) is not None)


def _draft(line: int, fields: list[str]) -> Draft:
    name, *address, city, state, code = fields[:7]
    state = state.upper()
    is_territory = state in TERRITORIES
    return Draft(
        line=line,
        name=name,
        kind=MAMMOGRAPHY,
        address=", ".join(part for part in address if part),
        city=city,
        region="" if is_territory else state,
        country=state if is_territory else "US",
        postal_code=code[:5],
        phone=_phone(fields[7]) if len(fields) > 7 else "",
    )


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    return f"+1 {digits[:3]}-{digits[3:6]}-{digits[6:]}" if len(digits) == 10 else text
