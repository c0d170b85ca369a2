"""Stage one: where is the lesion?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.inference.manifest import Manifest
from app.inference.sessions import NetworkSession
from imaging.picture import Picture
from imaging.postprocess import largest_part, mask_of
from imaging.preprocess import Grey, fit, restore


@dataclass(frozen=True)
class Segmented:
    """What the U-Net saw in one picture.

    `probability` uint8 `H x W` (times 255); `mask` bool `H x W`; `main_part` its largest connected part;
    `class_logits` float32 `3`, the U-Net's own weighing of the classes.
    """

    picture: Picture
    probability: Grey
    mask: NDArray[np.bool_]
    main_part: NDArray[np.bool_]
    class_logits: NDArray[np.float32]


def segment(session: NetworkSession, manifest: Manifest, pictures: Sequence[Picture]) -> list[Segmented]:
    """Outline the lesion of every picture; the batch goes through the U-Net at once."""
    fitted = [fit(picture.pixels, manifest.segmentation.input_size) for picture in pictures]
    squares = np.stack([square for square, _ in fitted])[:, None]
    outputs = session.run({"picture": squares})
    answers = zip(pictures, outputs["probability"][:, 0], outputs["class_logits"], fitted, strict=True)
    found = []
    for picture, square, class_logits, (_, place) in answers:
        map_on_picture = restore(np.ascontiguousarray(square), place)
        mask = mask_of(map_on_picture, manifest.mask_threshold, manifest.smallest_share)
        found.append(Segmented(picture, map_on_picture, mask, largest_part(mask), class_logits))
    return found
