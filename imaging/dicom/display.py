"""From stored values to the greys that a viewer shows: PS3.3 C.11, in its order.

Modality LUT (a table, or slope and intercept), VOI LUT (a table, or a window: linear, exact or sigmoid), then the
polarity: Presentation LUT (a table, or its shape) and MONOCHROME1. All of it is worked out once for each value that the
type can hold; pixels are looked up. What can't be used, or would leave nothing to be seen, is left out with a notice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.dicom.optional import LEFT_OUT, is_no_number, items, number, numbers, value_of, words
from imaging.formats import intensity
from imaging.preprocess import Grey

Values = NDArray[np.float64]
Shares = Callable[[Values], Values]  # from values to 0..1, black to white
NO_WINDOW = LEFT_OUT.format(what="window")
NO_TABLE = LEFT_OUT.format(what="tables of greys")
NO_SLOPE = LEFT_OUT.format(what="rescale slope")
NOT_FITTING = "The window or table of greys in the file does not fit its pixels and was left out."


@dataclass(frozen=True)
class _Table:
    """A LUT (PS3.3 C.11.1.1): the first value that it maps, and what each from there on becomes, in 0..`highest`."""

    first: int
    entries: Values
    highest: float

    def __call__(self, values: Values) -> Values:
        index = np.clip(np.rint(values) - self.first, 0, self.entries.size - 1).astype(np.intp)
        return np.asarray(self.entries[index])


def shown(dataset: Dataset, stored: NDArray[Any], bits: int, is_inverse: bool) -> tuple[Grey, tuple[str, ...]]:
    """Stored grey values as a viewer shows them.

    Args:
        stored: 8- or 16-bit integers, `H x W`.
        bits: how many of them are stored, 1 to 16.
        is_inverse: MONOCHROME1: the lowest value is white.

    Returns:
        uint8 `H x W`, and notices on what was left out.
    """
    turned, notices = _polarity(dataset, is_inverse)
    rescaled, more = _modality(dataset)
    windowed, said = _voi(dataset)
    notices = (*notices, *more, *said)
    if windowed is not None:
        grey = intensity.looked_up(stored, lambda every: turned(windowed(rescaled(every.astype(np.float64)))) * 255.0)
        plain = None if not intensity.is_empty(grey) else _unwindowed(dataset, stored, bits, turned)
        if plain is None or intensity.is_empty(plain[0]):
            return grey, notices
        return plain[0], (*notices, NOT_FITTING, *plain[1])
    plain = _unwindowed(dataset, stored, bits, turned)
    return plain[0], (*notices, *plain[1])


def _unwindowed(dataset: Dataset, stored: NDArray[Any], bits: int, turned: Shares) -> tuple[Grey, tuple[str, ...]]:
    """The whole range of values, from black to white."""
    table = _table_in(dataset, "ModalityLUTSequence")
    if table is not None:
        every = intensity.looked_up(stored, lambda every: turned(table(every.astype(np.float64)) / table.highest) * 255)
        return every, ()
    is_signed = np.issubdtype(stored.dtype, np.signedinteger)
    used, notices = intensity.bits_in_use(stored, bits)
    grey = intensity.grey_of_stored(stored, used, is_signed and used == bits)
    if (number(dataset, "RescaleSlope") or 1.0) < 0:
        grey = 255 - grey
    if turned is not _as_it_is:
        grey = intensity.looked_up(grey, lambda every: turned(every / 255.0) * 255.0)
    return grey, notices


def _modality(dataset: Dataset) -> tuple[Callable[[Values], Values], tuple[str, ...]]:
    """C.11.1: stored values to those of the device."""
    table = _table_in(dataset, "ModalityLUTSequence")
    if table is not None:
        return table, ()
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept") or 0.0
    notices = (NO_TABLE,) if items(dataset, "ModalityLUTSequence") else ()
    if slope == 0 or is_no_number(dataset, "RescaleSlope"):
        return _as_it_is, (*notices, NO_SLOPE)
    return (lambda values: values * (1.0 if slope is None else slope) + intercept), notices


def _voi(dataset: Dataset) -> tuple[Shares | None, tuple[str, ...]]:
    """C.11.2: the values of interest. The first table or window that can be used; None where there is none."""
    table = _table_in(dataset, "VOILUTSequence")
    if table is not None:
        return (lambda values: table(values) / table.highest), ()
    notices = (NO_TABLE,) if items(dataset, "VOILUTSequence") else ()
    function = next(iter(words(dataset, "VOILUTFunction")), "") or "LINEAR"
    windows = list(zip(numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth"), strict=False))
    for centre, width in windows:
        share = _window(centre, width, function)
        if share is not None:
            return share, notices
    is_named = any(is_no_number(dataset, name) or value_of(dataset, name) is not None for name in _WINDOW)
    return None, (*notices, NO_WINDOW) if is_named else notices


_WINDOW = ("WindowCenter", "WindowWidth")


def _window(centre: float, width: float, function: str) -> Shares | None:
    """C.11.2.1.2 and C.11.2.1.3; None where the width is none for this function."""
    if width <= 0 or (width < 1 and function not in ("SIGMOID", "LINEAR_EXACT")):
        return None
    if function == "SIGMOID":
        return lambda values: np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -60, 60))))
    if function == "LINEAR_EXACT":
        return lambda values: np.clip((values - centre) / width + 0.5, 0.0, 1.0)
    if width == 1:
        return lambda values: np.asarray((values > centre - 0.5) * 1.0, dtype=np.float64)
    return lambda values: np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def _polarity(dataset: Dataset, is_inverse: bool) -> tuple[Shares, tuple[str, ...]]:
    """C.11.4 and C.11.6: which end is white. MONOCHROME1 and the shape INVERSE say the same thing, not its double."""
    table = _table_in(dataset, "PresentationLUTSequence")
    if table is not None:
        last = table.entries.size - 1
        return (lambda shares: table(shares * last + table.first) / table.highest), ()
    notices = (NO_TABLE,) if items(dataset, "PresentationLUTSequence") else ()
    if is_inverse or words(dataset, "PresentationLUTShape")[:1] == ("INVERSE",):
        return (lambda shares: 1.0 - shares), notices
    return _as_it_is, notices


def _as_it_is(values: Values) -> Values:
    return values


def _table_in(dataset: Dataset, sequence: str) -> _Table | None:
    """The first table of a sequence that holds together, None where there is none."""
    tables = (_table(dataset, item) for item in items(dataset, sequence))
    return next((table for table in tables if table is not None), None)


def _table(dataset: Dataset, item: Dataset) -> _Table | None:
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or not 8 <= descriptor[2] <= 16:
        return None
    count, first, depth = int(descriptor[0]) or 1 << 16, int(descriptor[1]), int(descriptor[2])
    entries = _entries(dataset, item, count)
    if entries is None or entries.max() >= 1 << depth:
        return None
    return _Table(first, entries, float((1 << depth) - 1))


def _entries(dataset: Dataset, item: Dataset, count: int) -> Values | None:
    """The entries of a table: numbers (US), or the bytes of 16-bit words (OW), which some writers pack as 8 bits."""
    data = value_of(item, "LUTData")
    if not isinstance(data, bytes):
        found = np.asarray(numbers(item, "LUTData"), dtype=np.float64)
    elif len(data) >= 2 * count:
        order = "<" if dataset.original_encoding[1] is not False else ">"
        found = np.frombuffer(data, f"{order}u2", count).astype(np.float64)
    else:
        found = np.frombuffer(data, np.uint8).astype(np.float64)
    return found[:count] if found.size >= count else None
