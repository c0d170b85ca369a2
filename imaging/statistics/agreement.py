"""How far two masks of one picture agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Dice coefficient of two bool `H x W` masks, 0..1: twice what both hold over the sum of their areas.

    Two empty masks agree: 1.
    """
    areas = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / areas if areas else 1.0
