"""Who trains, who tunes, who is reported. Whole groups only; conflicting near copies are never trained on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from training.datasets.sample import Sample

FOLDS = 5


@dataclass(frozen=True)
class Split:
    """Disjoint by group: `train` fits weights, `tune` chooses thresholds and calibration, `test` is reported."""

    train: list[Sample]
    tune: list[Sample]
    test: list[Sample]

    @property
    def digest(self) -> str:
        """sha256 over the identifiers of the three parts; stands in the manifest beside every figure."""
        parts = (",".join(sorted(s.identifier for s in part)) for part in (self.train, self.tune, self.test))
        return hashlib.sha256("|".join(parts).encode()).hexdigest()


def split(samples: list[Sample], fold: int) -> Split:
    """Fold `fold` is the test part, the next one (cyclic) tunes, the other three train."""
    tune_fold = (fold + 1) % FOLDS
    return Split(
        train=[s for s in samples if s.fold not in (fold, tune_fold) and not s.is_conflicting],
        tune=[s for s in samples if s.fold == tune_fold],
        test=[s for s in samples if s.fold == fold],
    )


def halves(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Two halves of the training part for out-of-fold masks; a group stays whole, the dealing is by its hash."""
    first: list[Sample] = []
    second: list[Sample] = []
    for sample in samples:
        digest = hashlib.sha256(sample.group.encode()).digest()
        (first if digest[0] % 2 == 0 else second).append(sample)
    return first, second
