import pytest

from app.places.typed_coordinates import read


@pytest.mark.parametrize(
    "text",
    ["43.25, -79.87", "43.25 -79.87", "43.25,-79.87", "43.25° N, 79.87° W", "43.25N 79.87W", "43,25; -79,87",
     "43.25 / -79.87", "+43.25, \u221279.87"],
)  # fmt: skip
def test_the_usual_ways_to_write_a_point_are_read(text):
    assert read(text) == (43.25, -79.87)


def test_the_southern_and_western_halves_are_negative():
    assert read("33.9 S, 18.4 E") == (-33.9, 18.4)


@pytest.mark.parametrize("text", ["91, 0", "0, 181", "Hamilton, ON", "10001 10002", "43.25", "1.5, nan", ""])
def test_other_text_and_impossible_points_are_not_read(text):
    assert read(text) is None
