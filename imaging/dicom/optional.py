"""Optional attributes of a DICOM data set. What can't be used is left out instead of refusing the file for it."""

from __future__ import annotations

import math
from typing import Any

from pydicom.dataset import Dataset

# What pydicom raises for a value that is none of its kind.
UNREADABLE = (ValueError, TypeError, ArithmeticError, NotImplementedError, LookupError)
LEFT_OUT = "What the file says of its {what} can't be used and was left out."


def value_of(dataset: Dataset, name: str) -> Any:
    """The value of an attribute, None where it is missing, empty, or not of the kind that it has to be."""
    try:
        value = dataset.get(name)
    except UNREADABLE:  # "N/A" where a number belongs
        return None
    return None if value is None or value == "" else value


def is_no_number(dataset: Dataset, name: str) -> bool:
    """Whether an attribute that holds numbers is there, yet holds something else."""
    try:
        value = dataset.get(name)
    except UNREADABLE:
        return True
    return value not in (None, "") and not numbers(dataset, name)


def numbers(dataset: Dataset, name: str) -> tuple[float, ...]:
    """The finite numbers of an attribute that holds one or several; none where any of them is no number."""
    value = value_of(dataset, name)
    if value is None:
        return ()
    try:
        found = tuple(float(one) for one in ([value] if isinstance(value, (int, float, str)) else value))
    except (ValueError, TypeError):
        return ()
    return found if all(math.isfinite(number) for number in found) else ()


def number(dataset: Dataset, name: str) -> float | None:
    """The first number of an attribute, None where there is none."""
    return next(iter(numbers(dataset, name)), None)


def whole(dataset: Dataset, name: str) -> int | None:
    """A whole number, None where there is none."""
    found = number(dataset, name)
    return int(found) if found is not None and found == int(found) else None


def words(dataset: Dataset, name: str) -> tuple[str, ...]:
    """The texts of an attribute in capitals, stripped; empty ones keep their place."""
    value = value_of(dataset, name)
    if value is None:
        return ()
    return tuple(str(one).strip().upper() for one in ([value] if isinstance(value, str) else _listed(value)))


def items(dataset: Dataset, name: str) -> list[Dataset]:
    """The items of a sequence; none where it is no sequence."""
    value = value_of(dataset, name)
    return [item for item in _listed(value) if isinstance(item, Dataset)]


def _listed(value: Any) -> list[Any]:
    try:
        return list(value)
    except TypeError:
        return []
