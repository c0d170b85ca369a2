import pytest

from app.places import regions


@pytest.mark.parametrize(
    ("words", "area"),
    [("ON", ("CA", "08")), ("Québec", ("CA", "10")), ("Tx", ("US", "TX")), ("England", ("GB", "ENG")),
     ("U.K.", ("GB", None)), ("USA", ("US", None)), ("deu", ("DE", None)), ("NSW", ("AU", "02")),
     ("Côte d'Ivoire", ("CI", None)), ("türkiye", ("TR", None))],
)  # fmt: skip
def test_a_word_means_its_region_or_country(words, area):
    assert area in regions.read(words)


def test_a_word_with_two_meanings_keeps_both():
    assert {("US", "CA"), ("CA", None)} <= regions.read("CA")
    assert {("US", "GA"), ("GE", None)} <= regions.read("Georgia")


def test_an_unknown_word_means_nothing():
    assert regions.read("Nowhereland") == frozenset()
    assert regions.country_code("Nowhereland") is None


def test_every_alias_stands_for_a_known_country():
    assert set(regions.COUNTRY_WORDS) <= set(regions.country_names())
    assert regions.country_name("CA") == "Canada"
    assert regions.country_name("XX") == "XX"
