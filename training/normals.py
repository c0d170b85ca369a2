"""Normal tissue of hospitals that publish no normals: the part of a lesion picture that lies beside the lesion.

Training draws such crops from training pictures as further normals; those of the reported fold measure whether normal
tissue of that hospital's scanners is held for normal. A crop is no screening picture: it is what can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.preprocess import Grey
from training.datasets.sample import Sample
from training.lesion_free import lesion_free_crop

SUFFIX = "_lesion_free"


@dataclass(frozen=True)
class LesionFree(Sample):
    """The lesion-free crop of another sample; normal, with an empty mask."""

    def pixels(self) -> Grey:
        """uint8 `S x S` grey pixels of the crop."""
        whole = super().pixels()
        crop = lesion_free_crop(whole, super().mask(*whole.shape))
        assert crop is not None
        return crop

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """bool `height x width`, all False."""
        return np.zeros((height, width), dtype=np.bool_)


def lesion_free_samples(samples: list[Sample]) -> list[Sample]:
    """The lesion-free crops of the samples that have one, as samples of their own, named after their source."""
    crops: list[Sample] = []
    for sample in samples:
        pixels = sample.pixels() if sample.masks else None
        if pixels is not None and lesion_free_crop(pixels, sample.mask(*pixels.shape)) is not None:
            crops.append(
                LesionFree(
                    identifier=f"{sample.identifier}{SUFFIX}",
                    source=f"{sample.source}{SUFFIX}",
                    label="normal",
                    fold=sample.fold,
                    group=sample.group,
                    picture=sample.picture,
                    masks=sample.masks,
                    details={"device": sample.details["device"]} if "device" in sample.details else {},
                )
            )
    return crops
