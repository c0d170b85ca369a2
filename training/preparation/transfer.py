"""Which samples a recipe trains on, tunes on and is reported on, where that is more than a split of its own sources."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from training.datasets.sample import FOLDS, Sample
from training.preparation.recipe import Recipe
from training.preparation.splits import GROUPED, Split, split


def sources_of(recipe: Recipe) -> list[str]:
    """Every data set that a recipe reads: those it trains on, then those it is only tested on."""
    return [*recipe["sources"], *(name for name in recipe.get("test_on", []) if name not in recipe["sources"])]


def known(recipe: Recipe, samples: list[Sample]) -> list[Sample]:
    """The samples of the classes that a recipe tells apart; all, unless it names `classes`."""
    return [sample for sample in samples if sample.label in recipe.get("classes", [sample.label])]


def parts_of(recipe: Recipe, samples: list[Sample], fold: int) -> Split:
    """The split of a recipe's own sources; with `test_on` the reported part is all of those sets instead (frozen).

    Of a set that is trained on too, only the fold that is kept out is reported. A recipe that says `protocol: random`
    leaks, and every row of it says so.
    """
    own = [sample for sample in samples if sample.source in recipe["sources"]]
    parts = split(own, fold, recipe.get("protocol", GROUPED))
    if "test_on" not in recipe:
        return parts
    if "leave_out" in recipe:  # nothing of its own sources is reported, so the fold kept for that can be learned from
        learned = [sample for sample in own if sample.fold != (fold + 1) % FOLDS and not sample.is_conflicting]
        parts = replace(parts, train=learned)
    kept_out = parts.test + [sample for sample in samples if sample.source not in recipe["sources"]]
    return replace(parts, test=[sample for sample in kept_out if sample.source in recipe["test_on"]])


def separate(samples: list[Sample], share: float | None) -> tuple[list[Sample], list[Sample]]:
    """Who trains the U-Net and who trains the classifier: all for both, or a share of the groups for the U-Net alone.

    A group stays whole; the dealing is by its hash.
    """
    if share is None:
        return samples, samples
    groups = sorted({sample.group for sample in samples}, key=lambda group: hashlib.sha256(group.encode()).digest())
    apart = set(groups[: max(1, round(share * len(groups)))])
    return [s for s in samples if s.group in apart], [s for s in samples if s.group not in apart]
