"""How many bodies may come in at once."""

from __future__ import annotations

import re

import pytest

from server.bodies import PEOPLE, classes


@pytest.mark.parametrize("spool_mb", [512, 1024, 4096])
@pytest.mark.parametrize("body_limit", [3_000_000, 52_000_000])
def test_all_together_fit_into_the_memory_that_is_theirs(spool_mb: int, body_limit: int) -> None:
    longest = {"small": 2_000_000, "middle": 10_000_000, "large": body_limit}
    taken = sum(one.together * longest[one.name] for one in classes(spool_mb, body_limit))
    assert taken <= spool_mb * 1_000_000
    for one in classes(spool_mb, body_limit):
        assert one.of_one <= one.together


def test_a_clinic_behind_one_address_sends_at_the_same_moment() -> None:
    small = classes(64, 52_000_000)[0]
    assert small.of_one >= PEOPLE >= 60


def test_even_the_smallest_memory_takes_one_of_each() -> None:
    assert all(one.of_one >= 1 for one in classes(1, 52_000_000))


@pytest.mark.parametrize(
    ("length", "name"),
    [("0", "small"), ("1999999", "small"), ("2000000", "middle"), ("9999999", "middle"), ("10000000", "large"),
     ("unknown", "large"), ("0000000000001", "large")],
)  # fmt: skip
def test_every_length_has_one_class(length: str, name: str) -> None:
    found = [one.name for one in classes(1024, 52_000_000) if re.fullmatch(one.lengths, length)]
    assert found[0] == name
