"""What a person would be told for each picture, and what abstaining costs in missed cancers.

The rules are those of the product's triage; a test compares the two, for the web product is never imported here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.statistics.intervals import Measure
from training.datasets.sample import LABELS
from training.figures.judged import Judged
from training.fitting.calibrate import MALIGNANT, NORMAL

PROMPT, UNSURE, ROUTINE, CLEAR = "prompt", "unsure", "routine", "clear"
ANSWERS = (PROMPT, UNSURE, ROUTINE, CLEAR)


def answers(judged: Judged) -> NDArray[np.str_]:
    """The answer for each picture, text `N`: see a doctor soon, can't tell, usually not cancer, no lesion found."""
    has_outline = judged.is_outlined & ~judged.is_cleared
    return decided(judged.is_flagged, judged.is_out_of_distribution, judged.plausible, has_outline)


def decided(
    is_flagged: NDArray[np.bool_],
    is_out_of_distribution: NDArray[np.bool_],
    plausible: NDArray[np.bool_],
    has_outline: NDArray[np.bool_],
) -> NDArray[np.str_]:
    """The first rule that fits decides. Args: bool `N`, and the conformal sets, bool `N x 3`."""
    is_alone = plausible.sum(axis=1) == 1
    rules = [
        (is_flagged, PROMPT),
        (is_out_of_distribution, UNSURE),
        (plausible[:, MALIGNANT], PROMPT),
        (is_alone & plausible[:, LABELS.index("benign")], ROUTINE),
        (is_alone & plausible[:, NORMAL] & ~has_outline, CLEAR),
    ]
    return np.select([fits for fits, _ in rules], [answer for _, answer in rules], default=UNSURE)


def counts(judged: Judged) -> dict[str, dict[str, int]]:
    """How many pictures of each class that occurs get each answer."""
    given = answers(judged)
    return {
        label: {answer: int(((given == answer) & (judged.labels == index)).sum()) for answer in ANSWERS}
        for index, label in enumerate(LABELS)
        if (judged.labels == index).any()
    }


def share(marked: NDArray[np.bool_], among: NDArray[np.bool_]) -> Measure:
    """The share of those `among` the rows that are `marked`; NaN where there are none. Args: bool `N`."""
    return lambda rows: float(marked[rows][among[rows]].mean()) if among[rows].any() else float("nan")


def measures(judged: Judged) -> dict[str, Measure]:
    """Abstention and its cost: pictures without an answer, cancers among them, cancers told to wait.

    `malignant_missed` counts cancers answered with "usually not cancer" or "no lesion found";
    `malignant_missed_without_abstaining` those that would be, had each "can't tell" been answered by the leading class.
    """
    given = answers(judged)
    is_malignant = judged.labels == MALIGNANT
    is_unsure, is_reassured = given == UNSURE, np.isin(given, (ROUTINE, CLEAR))
    would_reassure = is_reassured | (is_unsure & (judged.scores.argmax(axis=1) != MALIGNANT))

    everything = np.ones(len(judged), dtype=np.bool_)
    return {
        "abstained": share(is_unsure, everything),
        "abstained_malignant": share(is_unsure, is_malignant),
        "malignant_missed": share(is_reassured, is_malignant),
        "malignant_missed_without_abstaining": share(would_reassure, is_malignant),
    }
