"""Answers of the command line as rows: JSON lines with everything, CSV with what fits a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app.inference.results import LABELS
from app.reports.table_csv import Cell, safe

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

LESION_COLUMNS = (
    "area_px", "width_px", "height_px", "longest_axis_px", "circularity", "solidity", "contrast_db", "posterior_db",
    "spacing_mm", "area_mm2", "width_mm", "height_mm", "longest_axis_mm",
)  # fmt: skip
DESCRIPTOR_COLUMNS = ("shape", "orientation", "margin", "echo pattern", "posterior features")
ORIGIN_COLUMNS = {  # where the picture lay in the file's own frame, in pixels of the file
    "offset_top": ("offset", "top"), "offset_left": ("offset", "left"),
    "file_height": ("file", "height"), "file_width": ("file", "width"),
}  # fmt: skip
COLUMNS = (
    "path", "status", "reason_code", "reason", "category", "label", *LABELS, *LESION_COLUMNS,
    *(name.replace(" ", "_") for name in DESCRIPTOR_COLUMNS),
    "models_version", "provider", "mask", "notices", "disclaimer", *ORIGIN_COLUMNS,
)  # fmt: skip

Body = dict[str, Any]
WriteRow = Callable[[Body], None]


def jsonl(file: SupportsWrite[str]) -> WriteRow:
    """One JSON object per line, in ASCII."""
    return lambda body: print(json.dumps(body), file=file)


def table(file: SupportsWrite[str]) -> WriteRow:
    """RFC 4180 with a header row; no cell starts a formula."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    return lambda body: writer.writerow([safe(_cell(body, column)) for column in COLUMNS])


def _cell(body: Body, column: str) -> Cell:
    if column in LABELS:
        return (body["probabilities"] or {}).get(column)
    if column in LESION_COLUMNS:
        return (body["lesion"] or {}).get(column)
    if column in {name.replace(" ", "_") for name in DESCRIPTOR_COLUMNS}:
        return _term(body, column.replace("_", " "))
    if column in ORIGIN_COLUMNS:
        return _origin(body, *ORIGIN_COLUMNS[column])
    return _plain(body, column)


def _origin(body: Body, group: str, name: str) -> Cell:
    picture = body["picture"]
    return int(picture[group][name]) if picture else None


def _term(body: Body, name: str) -> Cell:
    return next((one["term"] for one in body["descriptors"] if one["name"] == name), None)


def _plain(body: Body, column: str) -> Cell:
    reason = body["reason"] or {}
    computed = {
        "reason_code": reason.get("code"),
        "reason": reason.get("sentence"),
        "models_version": (body["models"] or {}).get("version"),
        "notices": " ".join(body["notices"]),
    }
    return computed[column] if column in computed else body[column]


FORMATS: dict[str, Callable[[SupportsWrite[str]], WriteRow]] = {"jsonl": jsonl, "csv": table}
_HEADS = (b'{"path": "', ",".join(COLUMNS[:3]).encode())
HEAD_BYTES = max(len(head) for head in _HEADS)


def are_answers(head: bytes) -> bool:
    """True when a file that begins so holds answers of the command line."""
    return head.startswith(_HEADS)
