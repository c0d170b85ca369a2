"""95 % intervals by the bootstrap. Groups or patients are drawn, never single pictures: pictures of one are alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000

Figure = dict[str, float]  # value, low, high
Measure = Callable[[NDArray[np.int64]], float]


def with_interval(measure: Measure, groups: NDArray[np.str_]) -> Figure:
    """The measure over all rows, and the 2.5 and 97.5 percentiles over resampled groups.

    Args:
        measure: gives the figure of the rows whose numbers (int `M`) it gets; NaN where they can't give one.
        groups: `N`, the group of each row.
    """
    _, rows_of = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(rows_of == group) for group in range(rows_of.max() + 1)]
    random = np.random.default_rng(0)
    values = []
    for _ in range(RESAMPLES):
        drawn = random.integers(0, len(members), len(members))
        values.append(measure(np.concatenate([members[group] for group in drawn])))
    low, high = np.nanpercentile(values, [2.5, 97.5]) if np.isfinite(values).any() else (np.nan, np.nan)
    return {"value": measure(np.arange(len(groups))), "low": float(low), "high": float(high)}
