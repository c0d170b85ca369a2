"""Stage one: where is the lesion?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.inference.manifest import Manifest
from app.inference.sessions import NetworkSession
from imaging.picture import Picture
from imaging.postprocess import certainty_of, largest_part, mask_of
from imaging.preprocess import Grey, fit, restore


@dataclass(frozen=True)
class Segmented:
    """What the U-Net saw in one picture.

    `probability` uint8 `H x W` (times 255); `mask` bool `H x W`; `main_part` its largest connected part;
    `class_logits` float32 `3`, the U-Net's own logits of the classes; `activation` float32 `3 x h x w`, its class
    activation maps over the letterboxed picture.
    """

    picture: Picture
    probability: Grey
    mask: NDArray[np.bool_]
    main_part: NDArray[np.bool_]
    class_logits: NDArray[np.float32]
    activation: NDArray[np.float32]

    @property
    def certainty(self) -> float:
        """Mean lesion probability inside the largest part of the mask, 0..1; 0 where the mask is empty."""
        return certainty_of(self.probability, self.main_part)


def segment(session: NetworkSession, manifest: Manifest, pictures: Sequence[Picture]) -> list[Segmented]:
    """The mask of the lesion in every picture; the batch goes through the U-Net at once."""
    fitted = [fit(picture.pixels, manifest.segmentation.input_size) for picture in pictures]
    squares = np.stack([square for square, _ in fitted])[:, None]
    outputs = session.run({"picture": squares})
    found = []
    for index, (picture, (_, place)) in enumerate(zip(pictures, fitted, strict=True)):
        probability = restore(np.ascontiguousarray(outputs["probability"][index, 0]), place)
        mask = mask_of(probability, manifest.mask_threshold, manifest.smallest_share)
        main_part = largest_part(mask)
        class_logits, activation = outputs["class_logits"][index], outputs["activation"][index]
        found.append(Segmented(picture, probability, mask, main_part, class_logits, activation))
    return found
