"""Asks the exported networks the way the product does: gate, U-Net, classifier, limits. One picture at a time."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from imaging.errors import UnusablePicture
from imaging.files.finding import found
from imaging.gate.quality import check
from imaging.layout import arrangement
from imaging.picture import Picture
from imaging.postprocess import box_of, certainty_of, largest_part, mask_of
from imaging.preprocess import Grey, fit, restore, segmented
from imaging.statistics.scores import NEVER, Scaling, plausible_classes
from training.datasets.sample import LABELS
from training.fitting.calibrate import MALIGNANT, NORMAL

PASSED = "passed"


@dataclass(frozen=True)
class Reading:
    """`gate` is "passed" or the code of the objection; the networks read the picture either way.

    `scores` are the three calibrated probabilities; the out-of-distribution score is divided by its limit, so that
    above 1 is refused.
    """

    gate: str
    scores: tuple[float, ...]
    out_of_distribution: float
    plausible: tuple[bool, ...]
    is_flagged: bool
    has_outline: bool

    @property
    def is_out_of_distribution(self) -> bool:
        return self.out_of_distribution > 1


class Networks:
    """The exported networks of a folder with the limits of its manifest; `is_half` takes the half-precision ones."""

    def __init__(self, folder: Path, is_half: bool = False) -> None:
        self._manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        files = self._manifest["half_precision" if is_half else "networks"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))  # else it takes every core
        self._unet, self._classifier = (
            onnxruntime.InferenceSession(str(folder / files[part]["file"]), options, providers=["CPUExecutionProvider"])
            for part in ("segmentation", "classification")
        )
        self._layout = _Layout.of(folder, options)
        parameters = self._manifest["calibration"]["parameters"]
        self._scaling = Scaling(parameters["temperature"], parameters["unet_weight"], tuple(parameters["bias"]))

    @property
    def version(self) -> str:
        return str(self._manifest["version"])

    def read(self, pixels: Grey) -> Reading:
        """Read uint8 `H x W` pixels."""
        picture = found(Picture(pixels, "png"))
        probability, class_logits = self.outlined(picture.pixels)
        seen, mask = self.shown(picture.pixels, probability)
        logits, distance = self._classifier.run(["logits", "novelty"], {"segmented": seen[None]})
        scores = self._scaling.probabilities(logits, class_logits)[0]
        held = plausible_classes(scores, tuple(self._manifest["conformal"]["limits"]))
        threshold = self._manifest["operating_points"]["malignant"]["threshold"]
        return Reading(
            gate=self._objection(picture),
            scores=tuple(float(score) for score in scores),
            out_of_distribution=float(distance[0]) / float(self._manifest["out_of_distribution"]["limit"]),
            plausible=tuple(index in held for index in range(len(LABELS))),
            is_flagged=bool(scores[MALIGNANT] >= threshold),
            has_outline=bool(mask.any()) and not self._is_dropped(scores[NORMAL], probability, mask),
        )

    def embedding(self, pixels: Grey) -> NDArray[np.float32]:
        """float32 `D`, the classifier's embedding of uint8 `H x W` pixels."""
        own = found(Picture(pixels, "png")).pixels
        seen, _ = self.shown(own, self.outlined(own)[0])
        return np.asarray(self._classifier.run(["embedding"], {"segmented": seen[None]})[0][0], dtype=np.float32)

    def outlined(self, pixels: Grey) -> tuple[Grey, NDArray[np.float32]]:
        """The U-Net's lesion probability (uint8 `H x W`, times 255) and its own class logits, float32 `1 x 3`."""
        square, place = fit(pixels, self._manifest["networks"]["segmentation"]["input_size"])
        drawn, class_logits = self._unet.run(["probability", "class_logits"], {"picture": square[None, None]})
        return restore(drawn[0, 0], place), class_logits

    def _is_dropped(self, normal: float, probability: Grey, mask: NDArray[np.bool_]) -> bool:
        rule, certainty = self._manifest["mask"], certainty_of(probability, largest_part(mask))
        return bool(normal >= rule["normal_limit"] and certainty < rule.get("certain_outline", NEVER))

    def shown(self, pixels: Grey, probability: Grey) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """What the classifier is shown, uint8 `3 x S x S`, and the lesion's mask, bool `H x W`."""
        rule, size = self._manifest["mask"], self._manifest["networks"]["classification"]["input_size"]
        mask = mask_of(probability, rule["threshold"], rule["smallest_share"])
        return segmented(pixels, probability, box_of(largest_part(mask)), self._manifest["border"], size), mask

    def _objection(self, picture: Picture) -> str:
        try:
            check(picture)
        except UnusablePicture as objection:
            return objection.code
        return (self._layout.objection(picture) if self._layout else None) or PASSED


@dataclass(frozen=True)
class _Layout:
    """The layout network, as `app/inference/layout.py` asks it; a test compares the two."""

    session: onnxruntime.InferenceSession
    side: int
    limits: dict[str, float]

    @classmethod
    def of(cls, folder: Path, options: onnxruntime.SessionOptions) -> _Layout | None:
        path = folder / "layout.json"
        if not path.is_file():
            return None
        raw = json.loads(path.read_text(encoding="utf-8"))
        session = onnxruntime.InferenceSession(
            str(folder / raw["network"]["file"]), options, providers=["CPUExecutionProvider"]
        )
        return cls(session, int(raw["network"]["input_size"]), raw["limits"])

    def objection(self, picture: Picture) -> str | None:
        shown = arrangement.shown(picture.pixels, self.side)
        return arrangement.objection(self.session.run(["logits"], {"picture": shown})[0][0], self.limits)
