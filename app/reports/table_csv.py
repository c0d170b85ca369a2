"""Images as a table: CSV after RFC 4180 (comma, CRLF, quotes doubled), UTF-8, one header line.

Texts that a spreadsheet would run as a formula get an apostrophe in front (OWASP, "CSV injection"); numbers stay
numbers. `COLUMNS` is the documentation of the file: docs/reference/csv.md is compared with it by a test.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.reports.image_json import DISCLAIMER
from app.tables import Analysis, Image, Review
from app.web.extensions import db
from imaging.picture import Origin

BATCH = 200
# Also the full-width twins, which some spreadsheets read as the plain sign.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
_UNSEEN = " \u00a0\u200b\u200c\u200d\u2060\ufeff"  # what may stand before the sign without being seen
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Cell = str | int | float | None


@dataclass(frozen=True)
class Line:
    """What one row is made of: an image, its newest analysis and the newest verdict about that one."""

    image: Image
    analysis: Analysis | None
    review: Review | None

    def finding(self, *path: str) -> Cell:
        """A plain value inside the stored findings, None where there is none."""
        value: Any = self.analysis.findings if self.analysis is not None else None
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, str | int | float) else None


@dataclass(frozen=True)
class Column:
    """One column: its name, what it holds (with unit and range), and how it is read."""

    name: str
    meaning: str
    read: Callable[[Line], Cell]


def _moment(value: datetime | None) -> Cell:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value is not None else None


def _placed(name: str) -> Callable[[Line], Cell]:
    """A field of where the picture lay in its file."""

    def read(line: Line) -> Cell:
        found = line.image.origin or asdict(Origin.whole(line.image.height, line.image.width))
        return int(found[name])

    return read


COLUMNS: tuple[Column, ...] = (
    Column("reference", "Short form of the id, as the pages show it.", lambda line: line.image.reference),
    Column("id", "Id of the image, 32 hexadecimal digits.", lambda line: line.image.id),
    Column("received_at", "When it was received, ISO 8601 in UTC.", lambda line: _moment(line.image.created_at)),
    Column("source", "By which door: page, staff (signed in there), api or unknown.", lambda line: line.image.source),
    Column("status", "queued, running, done, declined or failed.", lambda line: line.image.status),
    Column("category", "Triage category, empty while it waits.", lambda line: line.image.category),
    Column("reason_code", "Why it was declined or failed, else empty.", lambda line: line.image.reason_code),
    Column("reason", "The same, or the rule that decided, as a sentence.", lambda line: line.image.reason),
    Column("label", "Class with the highest probability.", lambda line: line.image.label),
    Column("benign", "Calibrated probability in 0..1.", lambda line: line.finding("probabilities", "benign")),
    Column("malignant", "Calibrated probability in 0..1.", lambda line: line.finding("probabilities", "malignant")),
    Column("normal", "Calibrated probability in 0..1.", lambda line: line.finding("probabilities", "normal")),
    Column("width_px", "Width of the picture in pixels.", lambda line: line.image.width),
    Column("height_px", "Height of the picture in pixels.", lambda line: line.image.height),
    Column("offset_top_px", "Where the picture begins in the file's own frame, from its top.", _placed("top")),
    Column("offset_left_px", "The same from its left.", _placed("left")),
    Column("file_width_px", "Width of the file's own frame.", _placed("file_width")),
    Column("file_height_px", "Height of the file's own frame.", _placed("file_height")),
    Column("spacing_mm", "Millimetres per pixel, where the file gave it.", lambda line: line.image.spacing_mm),
    Column("lesion_area_px", "Area of the lesion's mask in pixels.", lambda line: line.finding("lesion", "area_px")),
    Column("lesion_area_mm2", "The same in square millimetres.", lambda line: line.finding("lesion", "area_mm2")),
    Column(
        "lesion_longest_axis_px",
        "Greatest distance between two points of the contour, in pixels.",
        lambda line: line.finding("lesion", "longest_axis_px"),
    ),
    Column(
        "lesion_longest_axis_mm", "The same in millimetres.", lambda line: line.finding("lesion", "longest_axis_mm")
    ),
    Column("provider", "Where the networks ran.", lambda line: line.finding("provider")),
    Column("models_version", "Version of the networks.", lambda line: line.finding("models_version")),
    Column("is_reviewed", "yes or no.", lambda line: "yes" if line.image.is_reviewed else "no"),
    Column("verdict", "Newest verdict: agree or disagree.", lambda line: line.review and line.review.verdict),
    Column("verdict_label", "Class that the reviewer holds right.", lambda line: line.review and line.review.label),
    Column("reviewer", "Login name of the reviewer.", lambda line: line.review and line.review.user.name),
    Column("reviewed_at", "ISO 8601 in UTC.", lambda line: _moment(line.review.created_at) if line.review else None),
    Column("note", "The reviewer's note.", lambda line: line.review and line.review.note),
    Column("disclaimer", "That this is research software, in every row.", lambda line: DISCLAIMER),
)


def stream(image_ids: Sequence[str]) -> Iterator[str]:
    """The file in pieces: the header, then the images in the given order; those deleted meanwhile are left out.

    No transaction stays open between two pieces, however slowly they are fetched.
    """
    yield row(column.name for column in COLUMNS)
    for batch in _batched(image_ids):
        lines = _lines(batch)
        text = "".join(row(column.read(line) for column in COLUMNS) for line in lines)
        db.session.rollback()
        yield text


def row(cells: Iterable[Cell]) -> str:
    """One line of the file, with its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([safe(cell) for cell in cells])
    return buffer.getvalue()


def safe(cell: Cell) -> Cell:
    """A cell that no spreadsheet runs: texts that start like a formula get an apostrophe, control characters go."""
    if not isinstance(cell, str):
        return cell
    is_formula = cell.lstrip(_UNSEEN).startswith(_FORMULA_STARTS)
    return ("'" if is_formula else "") + _UNPRINTABLE.sub("", cell)


def _lines(image_ids: Sequence[str]) -> list[Line]:
    query = (
        select(Image)
        .where(Image.id.in_(image_ids))
        .options(selectinload(Image.analyses), selectinload(Image.reviews).joinedload(Review.user))
    )
    found = {image.id: image for image in db.session.scalars(query)}
    return [_line(found[image_id]) for image_id in image_ids if image_id in found]


def _line(image: Image) -> Line:
    analysis = image.reading
    own = [review for review in image.reviews if review.analysis_id == (analysis.id if analysis is not None else None)]
    return Line(image, analysis, own[-1] if own else None)


def _batched(image_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (image_ids[start : start + BATCH] for start in range(0, len(image_ids), BATCH))
