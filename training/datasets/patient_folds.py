"""Deals patients to folds, for data sets that name their patients and publish no folds."""

from __future__ import annotations

import hashlib

from training.datasets.sample import FOLDS, LABELS

_GRAVITY = ("malignant", "benign", "normal")


def gravest(labels: list[str]) -> str:
    """The label of a picture or patient with several findings."""
    assert set(labels) <= set(LABELS)
    return min(labels, key=_GRAVITY.index)


def patient_folds(labels: dict[str, list[str]], first: int = 0) -> dict[str, int]:
    """A fold for every patient: the classes in equal shares, the order by the hash of the patient's name.

    The same patients give the same folds on every machine and in every order of reading.

    Args:
        labels: the labels of all pictures of each patient. first: folds before this one get nobody.
    """
    folds: dict[str, int] = {}
    for label in _GRAVITY:
        own = [patient for patient, found in labels.items() if gravest(found) == label]
        for place, patient in enumerate(sorted(own, key=_hash)):
            folds[patient] = first + (place + _GRAVITY.index(label)) % (FOLDS - first)
    return folds


def _hash(patient: str) -> str:
    return hashlib.sha256(patient.encode()).hexdigest()
