"""Who trains, who tunes, who is reported. Whole groups only; conflicting near copies are never trained on.

The one exception is called `random` and says so in every row of the leaderboard: it splits picture by picture, as many
papers do, and shows how much that flatters.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from training.datasets.sample import FOLDS, Sample

GROUPED, RANDOM = "grouped", "random"


@dataclass(frozen=True)
class Split:
    """Disjoint by group: `train` fits weights, `tune` chooses thresholds and calibration, `test` is reported.

    `protocol` is `grouped`, or `random` for the split that leaks.
    """

    train: list[Sample]
    tune: list[Sample]
    test: list[Sample]
    protocol: str = GROUPED

    @property
    def digest(self) -> str:
        """sha256 over the identifiers of the three parts; stands in the manifest beside every figure."""
        parts = (",".join(sorted(s.identifier for s in part)) for part in (self.train, self.tune, self.test))
        return hashlib.sha256("|".join(parts).encode()).hexdigest()

    @property
    def is_leaking(self) -> bool:
        """True when near copies of a test picture may stand in the training part."""
        return self.protocol == RANDOM


def split(samples: list[Sample], fold: int, protocol: str = GROUPED) -> Split:
    """Fold `fold` is the test part, the next one (cyclic) tunes, the other three train.

    Args:
        protocol: `random` deals single pictures into folds anew, whatever their group, and trains on conflicting near
            copies too: for comparison alone.

    Raises:
        ValueError: there is no such protocol.
    """
    if protocol not in (GROUPED, RANDOM):
        raise ValueError(f"No protocol '{protocol}'. Known: {GROUPED}, {RANDOM}.")
    tune_fold = (fold + 1) % FOLDS
    dealt = dealt_at_random(samples) if protocol == RANDOM else samples
    return Split(
        train=[s for s in dealt if s.fold not in (fold, tune_fold) and (protocol == RANDOM or not s.is_conflicting)],
        tune=[s for s in dealt if s.fold == tune_fold],
        test=[s for s in dealt if s.fold == fold],
        protocol=protocol,
    )


def dealt_at_random(samples: list[Sample]) -> list[Sample]:
    """The same samples with folds dealt picture by picture within each source and class, in the order of a hash."""
    folds: dict[str, int] = {}
    counts: dict[tuple[str, str], int] = {}
    for sample in sorted(samples, key=lambda one: hashlib.sha256(one.identifier.encode()).hexdigest()):
        stratum = (sample.source, sample.label)
        counts[stratum] = counts.get(stratum, 0) + 1
        folds[f"{sample.source}/{sample.identifier}"] = counts[stratum] % FOLDS
    return [replace(sample, fold=folds[f"{sample.source}/{sample.identifier}"]) for sample in samples]


def halves(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Two halves of the training part for out-of-fold masks; a group stays whole, the dealing is by its hash."""
    first: list[Sample] = []
    second: list[Sample] = []
    for sample in samples:
        digest = hashlib.sha256(sample.group.encode()).digest()
        (first if digest[0] % 2 == 0 else second).append(sample)
    return first, second
