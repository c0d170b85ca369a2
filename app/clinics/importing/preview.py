"""What an import would do, before it does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType

from app.clinics.facts import ClinicFacts
from app.clinics.importing import eurostat_gisco, fda_mqsa, openstreetmap, own_csv, statcan_odhf
from app.clinics.importing.checking import Checked, Circumstances, RefusedRow, check
from app.clinics.importing.draft import Draft, ImportRefused, Note
from app.places import gazetteer

MAX_BYTES = 64_000_000
MAX_ROWS = 200_000
SMALLEST_TOWNS = 500  # an import may take seconds, and many clinics stand in small towns

# Detection tries them in this order.
FORMATS: dict[str, ModuleType] = {
    form.NAME: form for form in (openstreetmap, eurostat_gisco, statcan_odhf, own_csv, fda_mqsa)
}


@dataclass(frozen=True)
class Preview:
    """The outcome of reading a file.

    Attributes:
        title: which format it was read as.
        facts: clinics fit to be stored.
        refused, flagged: by line, in the order of the file; flagged ones are among the facts.
    """

    title: str
    facts: tuple[ClinicFacts, ...]
    refused: tuple[Note, ...]
    flagged: tuple[Note, ...]

    @property
    def by_country(self) -> Counter[str]:
        return Counter(row.country for row in self.facts)

    @property
    def by_kind(self) -> Counter[str]:
        return Counter(row.kind for row in self.facts)

    @property
    def approximate(self) -> int:
        """How many are placed by town or postcode."""
        return sum(row.is_approximate for row in self.facts)


def prepare(
    content: bytes,
    form: str = "auto",
    postcode_folder: Path = Path("postcodes"),
    source: str = "",
    checked_on: str = "",
) -> Preview:
    """Read and judge a file.

    Args:
        form: a name of `FORMATS`, or "auto".
        postcode_folder: GeoNames postal files, to place rows without coordinates.
        source: credit for rows that carry none; the format's own when blank.
        checked_on: ISO date for rows that carry none; today when blank.

    Raises:
        ImportRefused: empty, too large, of no known format, or damaged.
    """
    text = _text(content)
    reader = _reader(text, form)
    given = Circumstances(
        towns=gazetteer.load(SMALLEST_TOWNS),
        postcode_folder=postcode_folder,
        source=source or reader.SOURCE,
        checked_on=checked_on or date.today().isoformat(),
    )
    return _judged(reader.TITLE, reader.read(text), given)


def _text(content: bytes) -> str:
    """The file as text: UTF-8, or the Windows code page 1252 that older exports use."""
    if len(content) > MAX_BYTES:
        raise ImportRefused(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    if not content.strip():
        raise ImportRefused("The file is empty.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _reader(text: str, form: str) -> ModuleType:
    if form != "auto":
        return FORMATS[form]
    found = next((reader for reader in FORMATS.values() if reader.looks_like(text)), None)
    if found is None:
        titles = ", ".join(reader.TITLE for reader in FORMATS.values())
        raise ImportRefused(f"The format was not recognised. Known are: {titles}.")
    return found


def _judged(title: str, rows: Iterator[Draft | Note], given: Circumstances) -> Preview:
    facts: list[ClinicFacts] = []
    refused: list[Note] = []
    flagged: list[Note] = []
    lines: dict[tuple[str, str, str], int] = {}
    for number, row in enumerate(rows):
        if number >= MAX_ROWS:
            raise ImportRefused(f"The file holds more than {MAX_ROWS:,} rows.")
        judged = row if isinstance(row, Note) else _checked(row, given)
        if isinstance(judged, Note):
            refused.append(judged)
            continue
        earlier = lines.setdefault(judged.facts.key, row.line)
        if earlier != row.line:
            refused.append(Note(row.line, judged.facts.name, f"same name, city and country as line {earlier}"))
            continue
        facts.append(judged.facts)
        flagged += [Note(row.line, judged.facts.name, warning) for warning in judged.warnings]
    return Preview(title, tuple(facts), tuple(refused), tuple(flagged))


def _checked(draft: Draft, given: Circumstances) -> Checked | Note:
    try:
        return check(draft, given)
    except RefusedRow as error:
        return Note(draft.line, draft.name.strip()[:80], str(error))
