"""Writes docs/reference/exam.md, the exam's page, from tests/exam/results.json; a test compares them.

python scripts/write_exam.py
"""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "tests" / "exam" / "results.json"
LEFT_OUT = ROOT / "tests" / "exam" / "left_out.py"
PAGE = ROOT / "docs" / "reference" / "exam.md"
KINDS = {
    "B": (68, "Bad input", "What somebody may send, by mistake or on purpose."),
    "F": (34, "Faults", "What may break while the server runs: processes, disks, databases, networks."),
    "L": (12, "Loads", "How much at once, how fast, for how long."),
    "S": (18, "Attacks", "What an attacker tried on version 0.2.0, in the order of the report, and what it did there."),
    "FZ": (2, "Fuzz", "Files and requests changed at random: no answer but a result or a clear refusal."),
}
MOST_SEEN = 6
INTRODUCTION = """Written by `make exam`; do not edit by hand.

Each row below is something that happens to servers in hospitals. The exam starts Sonotriage as it is shipped, does
that to it from outside over HTTP, and judges the answer and what is left on disk. *Passed* means that everything in
the column *must happen* was checked and held; a run of some seconds, which stands beside a long one, is not held to the
rates and times of the long one. Where other work kept the machine busy, bounds of time count three times, and the row
says so. *Not here* names what could not be examined, and why.

Repeat it on your own machine: `make exam` runs all of it (hours), `make exam-short` what fits in ten minutes,
`make load` the loads, `make fuzz` the long fuzz run. Figures of speed and memory belong to the machine named here.
The codes are explained in [error codes](errors.md)."""

PORTIONS = """Rows may be run in portions: each names the date and the commit of its own run, with a plus sign where
files differed from that commit."""


@dataclass(frozen=True)
class Row:
    """One numbered row as the page prints it."""

    number: str
    given: str
    expected: str
    seen: str
    state: str  # passed, failed, not here, not run
    note: str = ""


def row(number: str, tests: list[dict[str, Any]], left_out: dict[str, str]) -> Row:
    """A row of the page from all tests that carry its number."""
    if not tests:
        reason = left_out.get(number, "")
        return Row(number, "", "", reason, "not here" if reason else "not run")
    outcomes = [test["outcome"] for test in tests]
    state = "failed" if "failed" in outcomes else "passed" if "passed" in outcomes else "not here"
    part = f", {outcomes.count('skipped')} of {len(outcomes)} parts not here" if "skipped" in outcomes else ""
    newest = max(tests, key=lambda test: test["date"])
    return Row(
        number,
        _joined(test["given"] for test in tests),
        _joined(test["expected"] for test in tests),
        _joined((text for test in tests for text in test["seen"]), MOST_SEEN),
        state,
        f"{part if state == 'passed' else ''}, {newest['date'][:10]}, {newest['commit']}",
    )


def page(results: dict[str, Any], left_out: dict[str, str]) -> str:
    """The whole page."""
    by_row: dict[str, list[dict[str, Any]]] = {}
    for test in results["tests"]:
        by_row.setdefault(test["row"], []).append(test)
    lines = ["# The exam", "", INTRODUCTION, "", "## Summary", ""]
    rows = [row(number, by_row.get(number, []), left_out) for number in _numbers(by_row)]
    lines += [*_summary(rows), "", *_setting(results), ""]
    for kind, (_, name, meaning) in KINDS.items():
        cells = [_cells(one) for one in rows if _kind(one.number) == kind]
        lines += [f"## {name}", "", meaning, ""]
        lines += [*_table(("row", "sent or broken", "must happen", "seen", "result"), cells), ""]
    return "\n".join(lines)


def _numbers(found: Iterable[str]) -> list[str]:
    known = {f"{kind}{number}" for kind, (count, _, _) in KINDS.items() for number in range(1, count + 1)}
    return sorted(
        known | set(found), key=lambda number: (list(KINDS).index(_kind(number)), int(number.lstrip("BFLSZ")))
    )


def _kind(number: str) -> str:
    return number.rstrip("0123456789")


def _summary(rows: list[Row]) -> list[str]:
    states = ("passed", "failed", "not here", "not run")
    cells = []
    for kind, (_, name, _) in KINDS.items():
        of_kind = [one.state for one in rows if _kind(one.number) == kind]
        cells.append((name, *(str(of_kind.count(state)) for state in states)))
    every = [one.state for one in rows]
    cells.append(("All", *(str(every.count(state)) for state in states)))
    return _table(("rows", *states), cells)


def _setting(results: dict[str, Any]) -> list[str]:
    if not results["tests"]:
        return ["No run yet."]
    machine = results["machine"]
    used = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    when, where = results["date"][:16].replace("T", " "), f"{machine['processor']}, {machine['cores']} cores"
    where = f"{where}, {machine['memory_gib']} GiB, {machine['system']}"
    return [f"Last run {when} UTC at commit {results['commit']}, on {where}; {used}.", "", PORTIONS]


def _cells(one: Row) -> tuple[str, ...]:
    state = f"**{one.state}**" if one.state == "failed" else one.state
    return one.number, one.given, one.expected, one.seen, state + one.note


def _joined(texts: Iterable[str], most: int | None = None) -> str:
    every = list(dict.fromkeys(texts))
    shown = every if most is None else every[:most]
    more = [] if len(shown) == len(every) else [f"and {len(every) - len(shown)} more"]
    return "; ".join([*shown, *more])


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = (header, ("---",) * len(header), *rows)
    return [f"| {' | '.join(_plain(cell) for cell in cells)} |" for cells in lines]


def _plain(text: str) -> str:
    """One line without anything that a table or HTML would take for its own; backquoted words stay as they are."""
    text = " ".join(text.split()).replace("|", "\\|")
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def current() -> str:
    """The page as it has to be now."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"tests": []}
    return page(results, runpy.run_path(str(LEFT_OUT))["LEFT_OUT"])


if __name__ == "__main__":
    PAGE.write_text(current(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))  # noqa: T201
