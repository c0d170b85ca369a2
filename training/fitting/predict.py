"""Asks trained networks for their answers, the way the product does: one pass, no mirrored average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.postprocess import certainty_of, largest_part, mask_of
from imaging.preprocess import Grey
from imaging.statistics.agreement import dice
from training.datasets.sample import Sample
from training.fitting import classification, segmentation
from training.fitting.loop import device
from training.fitting.pipeline import Trained
from training.networks.own_head import OwnHead
from training.networks.rule import Rule
from training.preparation.recipe import Recipe

NO_OUTLINE = (float("nan"), float("nan"), float("nan"), 0.0, 0.0)


@dataclass(frozen=True)
class Predictions:
    """Rows in the order of `samples`: logits float32 `N x 3`, embeddings float32 `N x D`, overlap per picture.

    `logits` are the classifier's, `unet_logits` those of the U-Net's own head; calibration weighs the two.

    `dice` and `iou` are in 0..1; for a picture without a lesion they are 1 when nothing was outlined and else 0.
    `certainty` float64 `N` is the mean lesion probability inside the largest outline, 0..1, 0 where there is none.
    `hausdorff_px` is the 95th percentile distance in stored pixels, NaN where either mask is empty. All three are NaN
    throughout where no network outlines.
    """

    samples: list[Sample]
    logits: NDArray[np.float32]
    unet_logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]
    dice: NDArray[np.float64]
    iou: NDArray[np.float64]
    hausdorff_px: NDArray[np.float64]
    is_outlined: NDArray[np.bool_]
    certainty: NDArray[np.float64]

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.asarray([sample.class_index for sample in self.samples], dtype=np.int64)

    @property
    def groups(self) -> NDArray[np.str_]:
        return np.asarray([sample.group for sample in self.samples])

    def where(self, is_kept: NDArray[np.bool_]) -> Predictions:
        """Only the rows that are marked."""
        return Predictions(
            [sample for sample, kept in zip(self.samples, is_kept, strict=True) if kept],
            self.logits[is_kept],
            self.unet_logits[is_kept],
            self.embeddings[is_kept],
            self.dice[is_kept],
            self.iou[is_kept],
            self.hausdorff_px[is_kept],
            self.is_outlined[is_kept],
            self.certainty[is_kept],
        )

    def from_source(self, source: str) -> Predictions:
        """Only the rows of one data set."""
        return self.where(np.asarray([sample.source == source for sample in self.samples], dtype=np.bool_))


def predict(trained: Trained, recipe: Recipe, samples: list[Sample], has_distances: bool = True) -> Predictions:
    """Outline and classify every sample, and measure the outlines against the experts'.

    Args:
        has_distances: whether Hausdorff distances are wanted, which take a quarter of the time; else they are NaN.
    """
    mask_rule, inputs, overlaps, drawings = recipe["mask"], [], [], []
    is_rule, is_judge = isinstance(trained.unet, Rule), isinstance(trained.classifier, OwnHead)
    for start in tqdm(range(0, len(samples), 16), desc="predicting", unit="batch", leave=False):
        chunk = samples[start : start + 16]
        pixels = [sample.pixels() for sample in chunk]
        drawings.append(segmentation.read(trained.unet, pixels, trained.segmentation_size))
        for sample, picture, drawn in zip(chunk, pixels, drawings[-1].maps, strict=True):
            found = mask_of(drawn, mask_rule["threshold"], mask_rule["smallest_share"])
            truth = sample.mask(*picture.shape)
            overlaps.append(NO_OUTLINE if is_rule else _outline(drawn, found, truth, has_distances))
            if not is_judge:
                inputs.append(_shown(trained, recipe, sample, picture, drawn))
    unet_logits = np.concatenate([drawn.class_logits for drawn in drawings])
    if is_judge:  # its vote is the judge's, and counts once
        logits, embeddings = unet_logits, np.concatenate([drawn.embeddings for drawn in drawings])
        unet_logits = np.zeros_like(logits)
    else:
        logits, embeddings = _judge(trained, inputs)
    table = np.asarray(overlaps, dtype=np.float64)
    columns = (table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.bool_), table[:, 4])
    return Predictions(samples, logits, unet_logits, embeddings, *columns)


def _shown(trained: Trained, recipe: Recipe, sample: Sample, picture: Grey, drawn: Grey) -> NDArray[np.uint8]:
    part = recipe["classification"]
    handed_on = classification.seen_by_classifier(sample, drawn, part)
    return classification.classifier_input(picture, handed_on, part, recipe["mask"], trained.classification_size)


def _outline(drawn: Grey, found: NDArray[np.bool_], truth: NDArray[np.bool_], has_distances: bool) -> tuple[float, ...]:
    return (*_overlap(found, truth, has_distances), certainty_of(drawn, largest_part(found)))


def _overlap(
    found: NDArray[np.bool_], truth: NDArray[np.bool_], has_distances: bool = True
) -> tuple[float, float, float, float]:
    both, either = float((found & truth).sum()), float((found | truth).sum())
    if either == 0:
        return 1.0, 1.0, float("nan"), 0.0
    distance = float("nan")
    if has_distances and found.any() and truth.any():
        pair = [torch.from_numpy(mask)[None, None].float() for mask in (found, truth)]
        distance = float(compute_hausdorff_distance(*pair, include_background=True, percentile=95))
    return dice(found, truth), both / either, distance, float(found.any())


@torch.inference_mode()
def _judge(trained: Trained, inputs: list[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    classifier = trained.classifier
    logits, embeddings = [], []
    for start in range(0, len(inputs), 16):
        batch = torch.from_numpy(np.stack(inputs[start : start + 16])).to(device()).float() / 255
        embedding = classifier.embed(batch.to(memory_format=torch.channels_last))
        logits.append(classifier.head(embedding).float().cpu().numpy())
        embeddings.append(embedding.float().cpu().numpy())
    return np.concatenate(logits), np.concatenate(embeddings)
