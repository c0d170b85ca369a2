"""Tables with a header line: separator and spelling of the header don't matter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from app.clinics.importing.draft import ImportRefused

SEPARATORS = ",;\t|"


def header(text: str) -> list[str]:
    """The column names of the first line, lower case and with underscores."""
    first = text.lstrip("\ufeff\r\n").split("\n", 1)[0]
    return [_name(cell) for cell in next(csv.reader([first], delimiter=separator(text)), [])]


def separator(text: str) -> str:
    """The separator that the first line has most of."""
    first = text.lstrip("\ufeff\r\n").split("\n", 1)[0]
    return max(SEPARATORS, key=first.count)


def _name(cell: str) -> str:
    return "_".join(cell.strip().casefold().replace("-", " ").split())


def rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column name of every row that holds anything; missing cells are "".

    Raises:
        ImportRefused: the text is no table.
    """
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator(text))
    names: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [_name(cell) for cell in cells]
                continue
            padded = cells + [""] * (len(names) - len(cells))
            yield reader.line_num, dict(zip(names, padded, strict=False))
    except csv.Error as error:
        raise ImportRefused(f"Line {reader.line_num}: this is not a table ({error}).") from error
