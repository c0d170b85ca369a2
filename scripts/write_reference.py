"""Writes the tables of docs/reference that the code determines; a test compares them with the files.

python scripts/write_reference.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from flask import Flask

REFERENCE = ROOT / "docs" / "reference"
NOTE = "Written by `make docs` from `{source}`; do not edit by hand.\n"


ABOUT_SETTINGS = """Each is read once, at start, from the environment: from its name, or from `SONOTRIAGE_` and its
name, which wins. An empty value means the default; one that can't be read stops the start with one sentence."""
ABOUT_ROUTES = """Addresses under `/admin` and `/account` ask for a login. The JSON interface is described in full at
`/api/v1/docs` and `/api/v1/openapi.json`."""
ABOUT_TABLES = """Both follow RFC 4180, in UTF-8 with one header line. Texts that a spreadsheet would run as a formula
get an apostrophe in front; numbers stay numbers."""
ABOUT_ANALYSE = """The names are those of the JSON interface; lengths end in their unit (`_px` pixels, `_mm`
millimetres, `_mm2` square millimetres, `_db` decibels). In this order:"""


def settings() -> str:
    """Every setting with its default and meaning."""
    from app.config import SETTINGS

    head = ["# Settings", "", NOTE.format(source="app/config.py"), ABOUT_SETTINGS, ""]
    rows = [
        (f"`{one.name}`", f"`{one.default}`" if one.default else "(empty)", one.values, one.meaning) for one in SETTINGS
    ]
    return "\n".join((*head, *_table(("setting", "default", "values", "meaning"), rows), ""))


def routes(app: Flask) -> str:
    """Every address with its methods and what it does."""
    head = ["# Addresses", "", NOTE.format(source="app/routes/"), ABOUT_ROUTES, ""]
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ())))
    rows = [
        (
            f"`{rule.rule}`",
            ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})),
            _first_sentence(app.view_functions[rule.endpoint].__doc__),
        )
        for rule in rules
        if rule.endpoint != "static"
    ]
    return "\n".join((*head, *_table(("address", "methods", "what it does"), rows), ""))


def tables() -> str:
    """The columns of the CSV files."""
    from app.reports import answer_rows, table_csv

    head = ["# CSV files", "", NOTE.format(source="app/reports/"), ABOUT_TABLES, "", "## Export of the triage list", ""]
    rows = [(f"`{column.name}`", column.meaning) for column in table_csv.COLUMNS]
    analysed = ", ".join(f"`{name}`" for name in answer_rows.COLUMNS)
    tail = ["", "## `flask analyse --format csv`", "", ABOUT_ANALYSE, analysed + ".", ""]
    return "\n".join((*head, *_table(("column", "meaning"), rows), *tail))


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (header, ("---",) * len(header), *rows)]


def documents(app: Flask) -> dict[Path, str]:
    """Every written file with its content."""
    return {
        REFERENCE / "settings.md": settings(),
        REFERENCE / "routes.md": routes(app),
        REFERENCE / "csv.md": tables(),
    }


def _first_sentence(text: str | None) -> str:
    words = " ".join((text or "").split())
    return re.split(r"(?<=\.) (?=[A-Z])", words)[0]


def main() -> None:
    from app import create_app

    with tempfile.TemporaryDirectory() as folder:
        for path, text in documents(create_app(DATA_DIR=folder)).items():
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))  # noqa: T201


if __name__ == "__main__":
    main()
