import pytest

from app.places import places
from app.places.places import PlaceTooLong, resolve


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Hamilton, ON", "Hamilton, Ontario, Canada"),
        ("hamilton on", "Hamilton, Ontario, Canada"),
        ("Paris, France", "Paris, France"),
        ("Paris, TX", "Paris, Texas, United States"),
        ("Montreal, QC", "Montréal, Quebec, Canada"),
        ("München", "Munich, Germany"),
        ("London, UK", "London, England, United Kingdom"),
        ("London, England", "London, England, United Kingdom"),
        ("Perth, WA", "Perth, Western Australia, Australia"),
        ("Perth, Scotland", "Perth, Scotland, United Kingdom"),
        ("St Johns, NL", "St. John's, Newfoundland and Labrador, Canada"),
        ("Washington DC", "Washington, District of Columbia, United States"),
        ("Tbilisi, Georgia", "Tbilisi, Georgia"),
        ("Atlanta, Georgia", "Atlanta, Georgia, United States"),
        ("Croydon, London", "Croydon, England, United Kingdom"),
        ("Singapore", "Singapore"),
        ("東京", "Tokyo, Japan"),
    ],
)
def test_a_clear_place_is_found_once(text, label):
    found = resolve(text)
    assert [place.label for place in found.matches] == [label]
    assert not found.is_ambiguous


@pytest.mark.parametrize(("text", "at_least"), [("Hamilton", 8), ("Springfield", 12), ("London", 3), ("Newcastle", 5)])
def test_an_ambiguous_name_is_asked_and_never_guessed(text, at_least):
    found = resolve(text)
    assert found.is_ambiguous
    assert len(found.matches) >= at_least
    assert found.total >= len(found.matches)


def test_the_choices_can_be_told_apart():
    for text in ("Neustadt, Germany", "San José, Costa Rica", "Santa Cruz, Philippines"):
        labels = [place.label for place in resolve(text).matches]
        assert len(labels) > 1
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("text", ["Nowhereville", "", "   ", "\x00\x01", "Nowhereville, Ontario", "Mexico", "%00", "0"])
def test_what_is_no_town_gives_no_place(text):
    assert resolve(text).matches == ()


def test_text_that_attacks_a_database_is_only_text():
    assert resolve("'; DROP TABLE clinic--").matches == ()


def test_more_than_two_hundred_characters_are_refused_at_once():
    with pytest.raises(PlaceTooLong):
        resolve("x" * 1_000_000)


def test_an_address_is_placed_by_its_postcode():
    found = resolve("12 Main St, Hamilton, ON L8P 4X1")
    (place,) = found.matches
    assert place.label.startswith("about L8P Hamilton")
    assert place.label.endswith(", Ontario, Canada")


def test_an_address_without_one_is_placed_by_its_town_and_says_what_was_not_used():
    found = resolve("12 Main St, Hamilton, ON")
    assert [place.label for place in found.matches] == ["Hamilton, Ontario, Canada"]
    assert found.ignored == ("12 Main St",)


def test_an_unknown_region_is_not_used_and_named():
    found = resolve("Bordeaux, Nouvelle-Aquitaine, France")
    assert [place.label for place in found.matches] == ["Bordeaux, France"]
    assert found.ignored == ("Nouvelle-Aquitaine",)


def test_a_label_tells_its_country_also_beside_a_border():
    assert places.country_at(31.739, -106.487) is None  # Ciudad Juárez, five kilometres from El Paso
    assert places.country_of("Ciudad Juárez, Chihuahua, Mexico", 31.739, -106.487) == "MX"
    assert places.country_of("48.850, 2.350", 48.85, 2.35) == "FR"


def test_typed_coordinates_are_kept_no_finer_than_a_hundred_metres():
    (place,) = places.resolve("43.256812, -79.874512").matches
    assert (place.latitude, place.longitude, place.label) == (43.257, -79.875, "43.257, -79.875")


def test_typed_coordinates_become_a_place_with_its_country():
    (place,) = resolve("43.25, -79.87").matches
    assert (place.latitude, place.longitude, place.country) == (43.25, -79.87, "CA")


def test_every_place_has_a_label_that_an_image_can_keep():
    for text in ("Hamilton", "Krung Thep", "Llanfairpwllgwyngyll", "43.25, -79.87"):
        assert all(0 < len(place.label) <= 200 for place in resolve(text).matches)


def test_the_source_of_the_names_is_credited():
    assert "GeoNames" in resolve("Hamilton, ON").credit


def test_the_country_of_a_point_needs_no_outside_service():
    assert places.country_at(48.85, 2.35) == "FR"


def test_a_smaller_town_that_only_has_another_name_like_it_is_not_offered() -> None:
    labels = [place.label for place in resolve("Hamilton").matches]
    assert labels[0].startswith("Hamilton, Ontario")
    assert all(label.startswith("Hamilton") for label in labels)


def test_a_larger_town_is_still_found_by_its_other_name() -> None:
    assert resolve("New York").matches[0].label.startswith("New York City")
