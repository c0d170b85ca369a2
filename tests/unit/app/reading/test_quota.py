"""One sender can't fill the server: a browser by what it keeps, a program by what it sends in a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.reading import images, intake
from app.reading.intake import Actor, QuotaReached

PERSON, OTHER = Actor("1" * 64, "visitor"), Actor("2" * 64, "visitor")


@pytest.fixture
def product(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """Two pictures a sender."""
    app = make_app(UPLOADS_PER_SENDER=2)
    with app.test_request_context():
        yield app


@pytest.fixture
def full(product: Flask, scan: Callable[..., bytes]) -> list[str]:
    """The two images of a browser."""
    return [intake.receive(scan(seed), PERSON).image_id for seed in (1, 2)]


def test_one_more_than_allowed_is_refused(full: list[str], scan: Callable[..., bytes]) -> None:
    with pytest.raises(QuotaReached) as refusal:
        intake.receive(scan(3), PERSON)
    assert (refusal.value.status, refusal.value.code) == (413, "quota")


def test_the_same_file_again_is_no_new_one(full: list[str], scan: Callable[..., bytes]) -> None:
    assert intake.receive(scan(1), PERSON).image_id == full[0]


def test_others_are_not_held_up(full: list[str], scan: Callable[..., bytes]) -> None:
    assert intake.receive(scan(3), OTHER).is_new


def test_deleting_one_makes_room_for_one(full: list[str], scan: Callable[..., bytes]) -> None:
    images.delete(full[0], "visitor")
    assert intake.receive(scan(3), PERSON).is_new


def test_a_program_is_counted_by_its_address_whatever_its_keys(product: Flask, scan: Callable[..., bytes]) -> None:
    program = [Actor(str(number) * 64, "api", "192.0.2.7") for number in range(4)]
    for seed in (0, 1):
        intake.receive(scan(seed), program[seed])
    assert not intake.receive(scan(1), program[1]).is_new
    with pytest.raises(QuotaReached):
        intake.receive(scan(2), program[2])
    assert intake.receive(scan(2), Actor("5" * 64, "api", "192.0.2.8")).is_new
    assert intake.receive(scan(3), Actor("6" * 64, "visitor", "192.0.2.7")).is_new  # a new browser beside it
