"""The CSV export: RFC 4180, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from flask import Flask

from app import accounts
from app.reports import table_csv
from app.review import verdicts
from app.review.verdicts import Verdict
from app.tables import Image
from app.web.extensions import db
from tests.factories.staff import PASSWORD, SETTINGS, add_image


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "  =1", "\u00a0=1", "\ufeff=1", "\u200b=1",
        "＝1", "=cmd|' /C calc'!A0",
    ],
)  # fmt: skip
def test_texts_that_start_like_formulas_are_disarmed(text: str) -> None:
    cell = table_csv.safe(text)
    assert isinstance(cell, str)
    assert cell.startswith("'")
    assert "\0" not in cell


@pytest.mark.parametrize("value", ["plain", "a=b", "1-2", "", -3.5, 0, None])
def test_other_cells_stay_as_they_are(value: str | float | None) -> None:
    assert table_csv.safe(value) == value


def test_a_line_is_quoted_as_rfc_4180_says() -> None:
    assert (
        table_csv.row(["a", 'say "hi"', "x,y", "two\nlines", None, -1.5])
        == 'a,"say ""hi""","x,y","two\nlines",,-1.5\r\n'
    )


def _rows(image_ids: list[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(table_csv.stream(image_ids)), newline="")))


def test_the_file_holds_findings_and_the_newest_verdict(app: Flask) -> None:
    with app.app_context():
        user_id = accounts.create("ada", PASSWORD, "reviewer", actor="system")
        image_id = add_image(malignant=0.75, spacing_mm=0.1, spacing_source="DICOM")
        analysis_id = db.session.get_one(Image, image_id).analyses[0].id
        for verdict in (
            Verdict("agree", None, "first", analysis_id),
            Verdict("disagree", "benign", '=HYPERLINK("http://evil","x")', analysis_id),
        ):
            verdicts.record(image_id, user_id, "ada", verdict)

        (row,) = _rows([image_id])

    assert list(row) == [column.name for column in table_csv.COLUMNS]
    assert row["reference"] == image_id[:8].upper()
    assert float(row["malignant"]) == pytest.approx(0.75)
    assert float(row["benign"]) + float(row["malignant"]) + float(row["normal"]) == pytest.approx(1.0)
    assert row["lesion_area_px"] == "2000"
    assert float(row["lesion_area_mm2"]) == pytest.approx(20.0)
    assert (row["verdict"], row["verdict_label"], row["reviewer"]) == ("disagree", "benign", "ada")
    assert row["note"] == """'=HYPERLINK("http://evil","x")"""
    assert row["received_at"] == "2026-03-01T12:00:00Z"


def test_unread_images_have_empty_cells_and_deleted_ones_are_left_out(app: Flask) -> None:
    with app.app_context():
        waiting, declined = add_image(status="queued"), add_image(status="declined")
        rows = _rows([waiting, "f" * 32, declined])

    assert [row["status"] for row in rows] == ["queued", "declined"]
    assert rows[0]["malignant"] == rows[0]["category"] == ""
    assert rows[1]["reason_code"] == "not_ultrasound"


def test_images_come_in_the_given_order_over_several_batches(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_csv, "BATCH", 2)
    with app.app_context():
        image_ids = [add_image(status="queued", hours=hour) for hour in (3, 1, 2, 5, 4)]
        assert [row["id"] for row in _rows(image_ids)] == image_ids
