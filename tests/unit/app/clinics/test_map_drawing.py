import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from app.clinics import directory
from app.clinics.map_drawing import compass, draw, nice_step, position
from app.clinics.nearest import nearest

SVG = "{http://www.w3.org/2000/svg}"
HAMILTON = (43.2501, -79.8496)


@pytest.fixture
def around(clinic_app, facts):
    directory.merge(
        [
            facts(name="North <b>&\"'", latitude=43.8, longitude=-79.8496),
            facts(name="East", latitude=43.2501, longitude=-79.0),
            facts(name="Same Spot", latitude=43.2501, longitude=-79.8496),
            facts(name="Same Spot Too", latitude=43.2501, longitude=-79.8496),
            facts(name="General", kind="hospital", latitude=43.0, longitude=-80.2),
        ],
        actor="system",
    )
    return nearest(*HAMILTON).clinics


def test_the_map_is_one_well_formed_picture_with_a_title_and_a_description(around):
    drawn = draw(*HAMILTON, "Hamilton, Ontario", around)
    root = ElementTree.fromstring(drawn)
    assert isinstance(drawn, Markup)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "clinic-map-title clinic-map-desc"
    assert root.find(f"{SVG}title").text == "Clinics around Hamilton, Ontario"
    assert "East, 69 km to the east" in root.find(f"{SVG}desc").text


def test_every_clinic_has_its_number_and_hospitals_are_square(around):
    root = ElementTree.fromstring(draw(*HAMILTON, "Hamilton", around))
    assert [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "map-number"] == [
        "1",
        "2",
        "3",
        "4",
        "5",
    ]
    assert len(root.findall(f".//{SVG}rect[@class='map-pin map-pin-hospital']")) == 1
    assert len(root.findall(f".//{SVG}circle[@class='map-pin']")) == 4


def test_pins_do_not_hide_one_another_and_stay_inside(around):
    root = ElementTree.fromstring(draw(*HAMILTON, "Hamilton", around))
    spots = [
        (float(text.get("x")), float(text.get("y")))
        for text in root.iter(f"{SVG}text")
        if text.get("class") == "map-number"
    ]
    for number, (x, y) in enumerate(spots):
        assert 0 < x < 420
        assert 0 < y < 420
        assert all(((x - a) ** 2 + (y - b) ** 2) ** 0.5 >= 24 for a, b in spots[:number])


def test_nothing_is_styled_inline_and_nothing_is_fetched(around):
    drawn = draw(*HAMILTON, "Hamilton", around)
    assert "style" not in drawn
    assert "href" not in drawn
    assert not re.search(r"#[0-9a-fA-F]{3,6}\b|rgb\(|url\(|<script|<image", drawn)


def test_names_are_escaped():
    drawn = draw(*HAMILTON, "<script>alert(1)</script>", ())
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


def test_distances_are_in_the_unit_of_the_page(around):
    assert "miles" in draw(*HAMILTON, "Hamilton", around, unit="miles")
    assert " km" not in draw(*HAMILTON, "Hamilton", around, unit="miles")


def test_a_map_without_clinics_says_so():
    assert "No clinics around Nowhere." in draw(0.0, 0.0, "Nowhere", ())


def test_the_scale_bar_is_as_long_as_it_says(around):
    root = ElementTree.fromstring(draw(*HAMILTON, "Hamilton", around))
    bar = root.find(f".//{SVG}g[@class='map-scale']")
    width = float(re.search(r"h([\d.]+)", bar.find(f"{SVG}path").get("d")).group(1))
    kilometres = float(bar.find(f"{SVG}text").text.split()[0])
    assert width / kilometres == pytest.approx(170 / max(clinic.distance_km for clinic in around), rel=0.01)


def test_directions_are_true_from_the_centre():
    assert position(0, 0, 10, 0) == pytest.approx((0, -1))
    assert position(0, 0, 0, 10) == pytest.approx((1, 0))
    assert position(10, 179, 10, -179)[0] > 0.9
    assert position(5, 5, 5, 5) == (0.0, 0.0)
    assert [compass(*spot) for spot in ((0, -1), (1, 1), (-1, 0), (0.0, 0.0))] == [
        "to the north", "to the south-east", "to the west", "",
    ]  # fmt: skip


@pytest.mark.parametrize(("length", "step"), [(1, 1), (4.9, 2), (5, 5), (99, 50), (0.07, 0.05), (1234, 1000)])
def test_steps_are_one_two_or_five_times_a_power_of_ten(length, step):
    assert nice_step(length) == pytest.approx(step)
