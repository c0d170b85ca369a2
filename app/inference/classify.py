"""Stage two: benign, malignant or normal? Judged on the segmented picture, calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.inference.manifest import Manifest
from app.inference.results import LABELS, Probabilities
from app.inference.segment import Segmented
from app.inference.sessions import NetworkSession
from imaging.postprocess import box_of
from imaging.preprocess import Box, bordered, segmented
from imaging.statistics.scores import Scores, plausible_classes


@dataclass(frozen=True)
class Classified:
    """`activation` float32 `3 x h x w`: class activation maps over `window`, the part the classifier saw.

    `is_clear`: normal reaches its limit and the U-Net's mask is faint, so that it is emptied.
    """

    probabilities: Probabilities
    plausible: tuple[str, ...]
    is_clear: bool
    out_of_distribution: float
    activation: NDArray[np.float32]
    window: Box


def classify(session: NetworkSession, manifest: Manifest, found: Sequence[Segmented]) -> list[Classified]:
    """Judge every segmented picture; the batch goes through the EfficientNet at once."""
    size = manifest.classification.input_size
    boxes = [box_of(item.main_part) for item in found]
    inputs = [
        segmented(item.picture.pixels, item.probability, box, manifest.border, size)
        for item, box in zip(found, boxes, strict=True)
    ]
    outputs = session.run({"segmented": np.stack(inputs)})
    scores = manifest.scaling.probabilities(outputs["logits"], np.stack([item.class_logits for item in found]))
    return [
        classified(
            manifest,
            row,
            found[index].certainty,
            float(outputs["novelty"][index]),
            outputs["activation"][index],
            _window(found[index], boxes[index], manifest.border),
        )
        for index, row in enumerate(scores)
    ]


def classified(
    manifest: Manifest,
    scores: Scores,
    certainty: float,
    out_of_distribution: float,
    activation: NDArray[np.float32],
    window: Box,
) -> Classified:
    """What the scores of one picture, float64 `3`, mean beside the certainty of its mask, 0..1.

    The class alone never drops a mask that the U-Net is certain of: on scanners that no network has seen, normal is
    what goes wrong first.
    """
    (limited,) = manifest.as_limited(scores[None])
    is_normal = limited[LABELS.index("normal")] >= manifest.normal_limit
    return Classified(
        probabilities=Probabilities(*(float(score) for score in scores)),
        plausible=tuple(LABELS[index] for index in plausible_classes(limited, manifest.conformal_limits)),
        is_clear=bool(is_normal and certainty < manifest.certain_outline),
        out_of_distribution=out_of_distribution,
        activation=activation,
        window=window,
    )


def _window(item: Segmented, box: Box | None, border: float) -> Box:
    height, width = item.picture.pixels.shape
    return Box(0, 0, height, width) if box is None else bordered(box, border, height, width)
