"""A clinic's own labelled pictures: a list, the files, and what the networks say of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.inference.results import LABELS
from app.reading import analysis
from app.workers.services import services
from imaging.errors import RefusedUpload, UnusablePicture
from imaging.statistics.scores import Scores

LEAST_PICTURES, LEAST_OF_A_KIND = 50, 10
Labels = NDArray[np.int64]


class CantRecalibrate(ValueError):
    """The pictures or their list don't serve; the message is a sentence for the operator."""


@dataclass(frozen=True)
class Labelled:
    """One line of the list: a picture, what it was found to be, and whose it is."""

    path: Path
    label: str
    group: str


@dataclass(frozen=True)
class Observed:
    """What the networks say of the labelled pictures: `scores` as shipped, float64 `N x 3`."""

    scores: Scores
    labels: Labels
    groups: NDArray[np.str_]


def read_list(path: Path, folder: Path) -> list[Labelled]:
    """Read a CSV with the columns file and label (benign, malignant, normal), and group (patient) where known.

    Raises:
        CantRecalibrate: a column, a label or a file is missing; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"file", "label"} <= set(rows.fieldnames or ()):
                raise CantRecalibrate("The first line must name the columns file and label.")
            return [_labelled(row, line, folder) for line, row in enumerate(rows, start=2)]
    except UnicodeDecodeError as error:
        raise CantRecalibrate("The list is not in UTF-8. Save it so (Excel: CSV UTF-8).") from error
    except (OSError, csv.Error) as error:
        raise CantRecalibrate(f"The list can't be read: {getattr(error, 'strerror', None) or error}.") from error


def _labelled(row: dict[str, str], line: int, folder: Path) -> Labelled:
    name, label = (row["file"] or "").strip(), (row["label"] or "").strip().lower()
    if label not in LABELS:
        raise CantRecalibrate(f"Line {line}: the label must be one of {', '.join(LABELS)}.")
    path = (folder / name.replace("\0", "\ufffd")).resolve()  # a zero byte stands in no name, and pathlib stumbles
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise CantRecalibrate(f"Line {line}: there is no such file in the folder.")
    return Labelled(path, label, (row.get("group") or "").strip() or name)


def observe(labelled: Iterable[Labelled]) -> Iterator[tuple[Labelled, Scores | None]]:
    """Each picture with its shipped probabilities, float64 `3`; None for one that is refused or declined.

    Raises:
        ModelUnusable: the networks are missing or damaged.
    """
    for item in labelled:
        try:
            (judged,) = analysis.judge([services().decoder.decode(item.path.read_bytes())])
        except (RefusedUpload, OSError):  # no picture, or gone since the list was read
            yield item, None
            continue
        if isinstance(judged, UnusablePicture):
            yield item, None
        else:
            found = judged[0].probabilities
            yield item, np.asarray([getattr(found, label) for label in LABELS], dtype=np.float64)


def gathered(seen: Iterable[tuple[Labelled, Scores | None]]) -> Observed:
    """The pictures that were read, as arrays.

    Raises:
        CantRecalibrate: too few of them.
    """
    read = [(item, scores) for item, scores in seen if scores is not None]
    labels = np.asarray([LABELS.index(item.label) for item, _ in read], dtype=np.int64)
    counts = [int((labels == index).sum()) for index in (LABELS.index("benign"), LABELS.index("malignant"))]
    if len(read) < LEAST_PICTURES or min(counts) < LEAST_OF_A_KIND:
        raise CantRecalibrate(
            f"{len(read)} pictures could be read, {counts[0]} benign and {counts[1]} malignant. It takes at least "
            f"{LEAST_PICTURES}, and {LEAST_OF_A_KIND} of both kinds."
        )
    return Observed(np.stack([scores for _, scores in read]), labels, np.asarray([item.group for item, _ in read]))
