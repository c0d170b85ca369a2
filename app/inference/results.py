"""What the networks found: the contract between inference and everything after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.measures.measure import Lesion
from imaging.preprocess import Grey

LABELS = ("benign", "malignant", "normal")
# Rows of earlier releases and /api/v1 know the score by these names.
KEPT_AS = {"out_of_distribution": "novelty", "out_of_distribution_limit": "novelty_limit"}


@dataclass(frozen=True)
class Probabilities:
    """Calibrated, each in 0..1, together 1."""

    benign: float
    malignant: float
    normal: float

    @property
    def label(self) -> str:
        """The class with the highest probability."""
        return max(LABELS, key=lambda label: getattr(self, label))


@dataclass(frozen=True)
class Findings:
    """One picture, read.

    Attributes:
        mask: bool `H x W`, True where the lesion is; all False when none was found.
        heat: uint8 `H x W` class activation map of the leading class, 0 to 255; None when the network gives none.
        lesion: measurements of the largest part of the mask, None for an empty mask.
        probabilities: calibrated.
        plausible: classes in the conformal set, most probable first; never empty.
        out_of_distribution: the score, and the limit above which the program declines to judge.
        heat_in_lesion: share of the heat that falls on the mask, in 0..1; None without heat or lesion.
        milliseconds: stopwatch per stage: segment, classify, explain, ...
        provider, precision: what really ran, from `session.get_providers()`; for instance CPU, fp32.
        models: name and version per network; `models_version` names the manifest.
        notices: sentences fit to be shown.
    """

    mask: NDArray[np.bool_]
    heat: Grey | None
    lesion: Lesion | None
    probabilities: Probabilities
    plausible: tuple[str, ...]
    out_of_distribution: float
    out_of_distribution_limit: float
    heat_in_lesion: float | None
    milliseconds: dict[str, float]
    provider: str
    precision: str
    models: dict[str, str]
    models_version: str
    notices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.probabilities.label

    @property
    def is_out_of_distribution(self) -> bool:
        """True when the picture lies outside what the networks were trained on."""
        return self.out_of_distribution > self.out_of_distribution_limit


def to_json(findings: Findings) -> dict[str, Any]:
    """All of the Findings but the arrays, ready for JSON; numbers are kept as they are."""
    kept = {name: value for name, value in vars(findings).items() if name not in {"mask", "heat"}}
    return {KEPT_AS.get(name, name): _plain(value) for name, value in kept.items()} | {"label": findings.label}


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    return list(value) if isinstance(value, tuple) else value
