import pytest

from app.places.folding import fold


@pytest.mark.parametrize(
    ("written", "other"),
    [("São Paulo", "sao paulo"), ("SAINT-ÉTIENNE", "Saint Etienne"), ("Łódź", "lodz"), ("Straße", "strasse"),
     ("St. John’s", "st john s"), ("København", "kobenhavn")],
)  # fmt: skip
def test_spellings_of_a_name_fold_to_the_same(written, other):
    assert fold(written) == fold(other)


def test_nothing_but_punctuation_folds_to_nothing():
    assert fold(" .-_' ") == ""
