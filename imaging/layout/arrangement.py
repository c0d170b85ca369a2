"""How the layout network is asked, once for training and serving: what it is shown, and what its answer means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import Grey, resize


def shown(pixels: Grey, side: int) -> NDArray[np.uint8]:
    """Uint8 `H x W` pixels squashed to `1 x 1 x side x side`: a seam stays a seam, whatever the ratio of the sides."""
    return np.ascontiguousarray(resize(pixels, side, side)[None, None])


def objection(logits: Sequence[float] | NDArray[np.float32], limits: Mapping[str, float]) -> str | None:
    """The kind whose logit is farthest above its limit, a code of `imaging.gate.quality`; None for one plain image.

    Args:
        logits: one for each kind.
        limits: by kind, in the order of the logits.
    """
    excess = {kind: float(logit) - limit for logit, (kind, limit) in zip(logits, limits.items(), strict=True)}
    kind = max(excess, key=lambda name: excess[name])
    return kind if excess[kind] > 0 else None
