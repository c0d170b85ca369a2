import pytest

from app.places.place import PlaceTooLong, cleaned


def test_control_and_formatting_characters_are_dropped():
    assert cleaned("  Ham\x00il\u202eton,\n\tON\x1b ") == "Hamilton, ON"


def test_two_hundred_characters_are_accepted_and_one_more_is_refused():
    assert cleaned("a" * 200) == "a" * 200
    with pytest.raises(PlaceTooLong, match="200 characters"):
        cleaned("a" * 201)


def test_what_looks_like_code_stays_text():
    assert cleaned("'; DROP TABLE clinic--") == "'; DROP TABLE clinic--"
