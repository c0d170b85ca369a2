"""Groups near copies and deals the groups to folds, for data sets that come without patient identifiers."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from training.datasets.sample import FOLDS, Sample

SIMILARITY = 0.93  # normalised correlation of 64x64 thumbnails; at this value pairs are visibly the same scan
THUMBNAIL = 64


def grouped_folds(samples: list[Sample], prefix: str) -> list[Sample]:
    """Give every sample a group of near copies, a fold (whole groups, balanced by class) and a conflict mark."""
    groups = _groups([_thumbnail(sample) for sample in samples])
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    folds = _deal(samples, members)
    conflicting = {g for g, indices in members.items() if len({samples[i].label for i in indices}) > 1}
    return [
        replace(sample, group=f"{prefix}-{group}", fold=folds[group], is_conflicting=group in conflicting)
        for sample, group in zip(samples, groups, strict=True)
    ]


def _thumbnail(sample: Sample) -> NDArray[np.float32]:
    small = cv2.resize(sample.pixels(), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)


def _groups(thumbnails: list[NDArray[np.float32]]) -> list[int]:
    flat = np.stack([thumbnail.ravel() for thumbnail in thumbnails])
    mirrored = np.stack([thumbnail[:, ::-1].ravel() for thumbnail in thumbnails])
    is_copy = (flat @ flat.T > SIMILARITY) | (flat @ mirrored.T > SIMILARITY)
    group = list(range(len(thumbnails)))
    for first, second in np.argwhere(np.triu(is_copy, 1)):
        old, new = group[second], group[first]
        group = [new if value == old else value for value in group]
    return group


def _deal(samples: list[Sample], members: dict[int, list[int]]) -> dict[int, int]:
    """Largest groups first, each to the fold that holds the fewest pictures of the group's class."""
    counts: dict[str, list[int]] = {}
    folds = {}
    for group, indices in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        label = samples[indices[0]].label
        held = counts.setdefault(label, [0] * FOLDS)
        folds[group] = held.index(min(held))
        held[folds[group]] += len(indices)
    return folds
