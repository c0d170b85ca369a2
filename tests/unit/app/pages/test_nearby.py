"""How old facts are, and what the field promises, in words."""

from __future__ import annotations

import pytest
from flask import Flask

from app.pages.nearby import age_in_words
from app.pages.place_field import place_field
from app.places import postal_package


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (None, "of unknown age"), (0, "less than a month old"), (30, "less than a month old"), (31, "1 month old"),
        (365, "11 months old"), (366, "12 months old"), (729, "23 months old"), (731, "2 years old"),
        (2523, "6 years old"),
    ],
)  # fmt: skip
def test_an_age_is_told_in_whole_months_then_in_whole_years(days: int | None, words: str) -> None:
    assert age_in_words(days) == words


def test_the_field_promises_postcodes_and_says_of_how_many_countries(app: Flask) -> None:
    with app.app_context():
        field = place_field()
    assert field.label == "Town or postcode"
    assert " countries" in field.hint


def test_the_field_promises_none_where_none_are_known(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postal_package, "countries", frozenset)
    with app.app_context():
        assert place_field().label == "Town"
        assert "no postcodes" in place_field().hint


def test_the_operator_s_files_are_promised_too(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postal_package, "countries", frozenset)
    folder = app.config["DATA_DIR"] / "postcodes"
    folder.mkdir()
    (folder / "IE.txt").write_text("", encoding="utf-8")
    with app.app_context():
        assert "one country" in place_field().hint
