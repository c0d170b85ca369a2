"""Builds app/clinics/directory.csv from a table of collected facts.

    python scripts/build_clinic_directory.py FACTS.csv --compared-on 2026-11-21

The table has our columns, and two long ones: `source` (registers and their row ids) and `checked` (what was compared
with what). Rows from sources under the Open Database License are left out, for they would put its terms on the whole
directory.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.clinics import links  # noqa: E402
from app.clinics.facts import COLUMNS, KINDS  # noqa: E402

# Registers by what names them in `source`, in the order in which they are credited.
REGISTERS = {
    "StatCan ODHF": "StatCan ODHF v1.1",
    "NHS.UK": "NHS.UK",
    "Eurostat GISCO": "Eurostat GISCO 2020",
    "NZ Ministry of Health": "NZ Ministry of Health",
    "data.gov.in": "data.gov.in",
    "HIFLD": "HIFLD",
    "CMS": "CMS",
    "bordet.be": "bordet.be",
    "petermac.org": "petermac.org",
    "WHO/KEMRI": "WHO/KEMRI-Wellcome facility list (CC BY 4.0)",
    "GFAOP": "GFAOP",
    "Wikidata": "Wikidata",
    "ROR": "ROR",
    "GeoNames city": "GeoNames (CC BY 4.0)",
    "public pages": "public pages",
}
# Day of the newest register that states one; for a month or a year its first day. Tried from the newest to the oldest.
DATES = (
    (re.compile(r"\bCMS\b"), "2026-02-01"),  # file of February 2026
    (re.compile(r"StatCan ODHF"), "2020-08-07"),  # version 1.1
    (re.compile(r"NHS\.UK"), "2020-01-01"),
    (re.compile(r"Eurostat GISCO"), "2020-01-01"),
    (re.compile(r"WHO/KEMRI"), "2019-01-01"),  # published in 2019
    (re.compile(r"HIFLD"), "2018-01-01"),
)
# What the table says about a war is known of the time before it only.
WAR = re.compile(r"(?:war|violence) since (\d{4})")
# Points that stand for a town, a postcode, or for where a clinic was before it moved.
APPROXIMATE = re.compile(r"CITY-LEVEL|postcode-level|geo_qual=\d+ \(low\)|point is the old site")


def main() -> None:
    """Read the facts, write the directory, say how many rows were left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "app" / "clinics" / "directory.csv")
    parser.add_argument("--compared-on", required=True, help="ISO date on which undated sources were compared")
    arguments = parser.parse_args()
    with arguments.facts.open(encoding="utf-8", newline="") as file:
        collected = list(csv.DictReader(file))
    rows = sorted(built(collected, arguments.compared_on), key=_order)
    with arguments.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    sys.stdout.write(f"{len(rows)} clinics written, {len(collected) - len(rows)} left out (ODbL)\n")


def _order(row: dict[str, str]) -> tuple[str, ...]:
    return row["country"], row["region"], row["city"], row["name"]


def built(collected: list[dict[str, str]], compared_on: str) -> Iterator[dict[str, str]]:
    """The rows of the directory."""
    for row in collected:
        if "ODbL" in row["source"]:
            continue
        if row["kind"] not in KINDS:
            raise ValueError(f"unknown kind {row['kind']}")
        kept = {column: row[column].strip() for column in COLUMNS if column in row}
        yield kept | {
            "website": website(row["website"]),
            "is_approximate": "yes" if APPROXIMATE.search(row["checked"]) else "no",
            "source": source(row),
            "checked_on": checked_on(row, compared_on),
        }


def website(written: str) -> str:
    """The address without fragments and stray commas, "" when it is none."""
    return links.website(written.split("#")[0].rstrip(", "))


def source(row: dict[str, str]) -> str:
    """The registers behind a row, short."""
    return ", ".join(short for name, short in REGISTERS.items() if name in row["source"])


def checked_on(row: dict[str, str], compared_on: str) -> str:
    """The date that the newest register states; else the day on which the row was compared with the others.

    Where a war or violence may have closed a clinic, the year of its beginning.
    """
    text = f"{row['source']}; {row['checked']}"
    war = WAR.search(text)
    if war:
        return f"{war[1]}-01-01"
    return next((date for pattern, date in DATES if pattern.search(text)), compared_on)


if __name__ == "__main__":
    main()
