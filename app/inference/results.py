"""What the networks found: the contract between inference and everything after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.measures.measure import Lesion
from imaging.preprocess import Grey

LABELS = ("benign", "malignant", "normal")


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
        novelty: out-of-distribution score, and the limit above which the program declines to judge.
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
    novelty: float
    novelty_limit: float
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
    def is_novel(self) -> bool:
        """True when the picture lies outside what the networks were trained on."""
        return self.novelty > self.novelty_limit


def to_json(findings: Findings) -> dict[str, Any]:
    """All of the Findings but the arrays, ready for JSON; numbers are kept as they are."""
    return {name: _plain(value) for name, value in vars(findings).items() if name not in {"mask", "heat"}} | {
        "label": findings.label
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    return list(value) if isinstance(value, tuple) else value
