"""Words of many sources in one form: kind of service, street lines, dates, fillers."""

from __future__ import annotations

import re
from datetime import date

from app.clinics.facts import BREAST_CLINIC, CANCER_CENTRE, MAMMOGRAPHY
from app.places.folding import fold

# Tried in this order; words are folded ("câncer" is "cancer").
_WORDS_OF_A_KIND = (
    (MAMMOGRAPHY, re.compile(r"\bmammogra|\bmamogra|\bmammografi")),
    (BREAST_CLINIC, re.compile(r"\bbreast|\bbrust|\bsenolog|\bmastolog|\bsein\b|\bmama\b|\bbryst|\bbrost")),
    (CANCER_CENTRE, re.compile(r"\bcancer|\boncolog|\bonkolog|\bkrebs|\btumor|\btumeur|\bkreft")),
)
_NUMBER_FIRST = {"US", "CA", "GB", "IE", "AU", "NZ", "FR", "LU", "ZA", "IN", "SG", "MT"}
_FILLERS = {"n a", "none", "null", "unknown", "not available", "not applicable", "tbd", "to be determined"}
_CONTACT_FILLERS = _FILLERS | {
    "na", "nan", "x", "xx", "xxx", "0", "test", "1 main street", "1 main st", "123 main street", "123 main st",
    "123 fake street",
}  # fmt: skip
_MISSING_NUMBERS = _FILLERS | {"", "na", "nan"}
_DATE = re.compile(r"^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?$")
_DAY_FIRST = re.compile(r"^(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?: .*)?$")


def kind_of(*words: str) -> str:
    """The dedicated kind of service that the words tell of; "" when they don't."""
    text = fold(" ".join(words))
    return next((kind for kind, pattern in _WORDS_OF_A_KIND if pattern.search(text)), "")


def street_line(street: str, number: str, country: str) -> str:
    """Street and house number in the order that a country writes them."""
    parts = (number.strip(), street.strip())
    return " ".join(part for part in (parts if country.upper() in _NUMBER_FIRST else parts[::-1]) if part)


def without_filler(text: str, is_contact: bool = False) -> str:
    """The text, or "" when it only fills the column ("N/A", "..", and "1 Main Street" among contact details)."""
    folded = fold(text)
    return "" if folded in (_CONTACT_FILLERS if is_contact else _FILLERS) or not folded else text


def is_missing_number(text: str) -> bool:
    """True for a blank cell and for what stands for one; 0 is a number."""
    return fold(text) in _MISSING_NUMBERS


def iso_date(text: str) -> str:
    """An ISO date from "2020", "2020-05", "2020-05-31T10:00:00Z" or "31/05/2020"; "" for anything else.

    Where only a month or a year is known, its first day stands for it: facts never look newer than they are.
    """
    text = text.strip()
    match, day_first = _DATE.match(text), _DAY_FIRST.match(text)
    if match:
        year, month, day = match.groups(default="1")
    elif day_first:
        day, month, year = day_first.groups()
    else:
        return ""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""
