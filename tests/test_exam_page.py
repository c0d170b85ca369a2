"""The exam's page prints what the exam's results say, and every row of it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
EXAM = runpy.run_path(str(ROOT / "scripts" / "write_exam.py"))
LEFT_OUT = runpy.run_path(str(ROOT / "tests" / "exam" / "left_out.py"))["LEFT_OUT"]
KINDS = (("B", 68), ("F", 34), ("L", 12), ("S", 18), ("FZ", 2))
KNOWN = [f"{kind}{number}" for kind, most in KINDS for number in range(1, most + 1)]


def entry(row: str, outcome: str = "passed", **others: Any) -> dict[str, Any]:
    usual = {
        "row": row, "given": "A file", "expected": "422", "test": f"test_{row}", "outcome": outcome, "seconds": 1.0,
        "seen": ["422 in 3 ms"], "commit": "0123456789", "date": "2026-11-01T10:00:00+00:00",
    }  # fmt: skip
    return usual | others


def page_of(*tests: dict[str, Any]) -> list[str]:
    run = {"commit": "abc", "date": "2026-11-02T10:00:00+00:00", "versions": {"Python": "3.13"}}
    machine = {"processor": "a processor", "cores": 2, "memory_gib": 24, "system": "Linux"}
    return EXAM["page"]({"machine": machine, **run, "tests": list(tests)}, LEFT_OUT).split("\n")


def line(page: list[str], row: str) -> str:
    (found,) = [text for text in page if text.startswith(f"| {row} |")]
    return found


def test_the_page_is_what_the_results_say() -> None:
    page = (ROOT / "docs" / "reference" / "exam.md").read_text(encoding="utf-8")
    assert page == EXAM["current"](), "run scripts/write_exam.py"


def test_every_row_stands_on_the_page_in_order() -> None:
    page = page_of(entry("B2"), entry("B99"))
    listed = [found[1] for text in page if (found := re.match(r"\| ((?:B|F|L|S|FZ)\d+) \|", text))]
    assert listed == [*KNOWN[:68], "B99", *KNOWN[68:]]


def test_rows_that_are_left_out_exist() -> None:
    assert set(LEFT_OUT) <= set(KNOWN)


def test_a_row_without_result_is_not_run_or_not_here() -> None:
    page = page_of(entry("B2"))
    assert line(page, "B3") == "| B3 |  |  |  | not run |"
    assert LEFT_OUT["F24"] in line(page, "F24")
    assert line(page, "F24").endswith("| not here |")


def test_one_failed_part_fails_the_row() -> None:
    page = page_of(
        entry("B2"), entry("B2", "failed", test="other", seen=["500"]), entry("B3", "skipped", seen=["no GPU"])
    )
    assert line(page, "B2") == "| B2 | A file | 422 | 422 in 3 ms; 500 | **failed**, 2026-11-01, 0123456789 |"
    assert "| no GPU | not here, 2026-11-01" in line(page, "B3")
    assert "| Bad input | 0 | 1 | 1 | 66 |" in page


def test_a_row_with_a_part_that_is_not_here_says_so() -> None:
    assert "passed, 1 of 2 parts not here" in line(page_of(entry("F9"), entry("F9", "skipped", test="other")), "F9")


def test_what_was_sent_can_not_break_the_table() -> None:
    page = page_of(entry("B10", given="a <script> | `<svg>`\nand more"))
    assert "| a &lt;script> \\| `<svg>` and more |" in line(page, "B10")


def test_many_sights_are_cut() -> None:
    assert "5; and 4 more |" in line(page_of(entry("B4", seen=[str(number) for number in range(10)])), "B4")
