"""Segments and classifies in one graph (`models/whole.onnx`): nothing leaves the device between the two networks.

Made for the GPU, where each step between the networks would wait for copies. On the CPU the steps cost less as they
are in `imaging/`, where work is done on the lesion's box and not on the whole picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.classify import Classified, classified
from app.inference.manifest import Manifest, ModelUnusable, Network
from app.inference.segment import Segmented
from app.inference.sessions import NetworkSession
from imaging.picture import Picture
from imaging.preprocess import Box

_MAIN_PART = 2  # in `parts`: 0 is ground, 1 another part of the lesion


def network(manifest: Manifest, folder: Path) -> Network:
    """The graph that the manifest names; the files that hold its weights are checked with it.

    Raises:
        ModelUnusable: there is none, or a file is missing or damaged.
    """
    described = manifest.raw.get("whole")
    if not isinstance(described, dict):
        raise ModelUnusable("model_missing", "These networks come without a graph of the whole line.")
    for part in (manifest.segmentation, manifest.classification):
        part.checked()
    path = folder / Path(str(described["file"])).name
    return replace(manifest.segmentation, name="whole", path=path, sha256=str(described["sha256"]))


def read(
    session: NetworkSession, manifest: Manifest, pictures: Sequence[Picture]
) -> tuple[list[Segmented], list[Classified]]:
    """Both networks' answers for pictures of any sizes, in one run; as `segment` and `classify` give them."""
    outputs = session.run(_inputs(manifest, pictures))
    found = [_segmented(picture, outputs, index) for index, picture in enumerate(pictures)]
    return found, [_classified(manifest, outputs, index, item.certainty) for index, item in enumerate(found)]


def _inputs(manifest: Manifest, pictures: Sequence[Picture]) -> dict[str, NDArray[Any]]:
    height = max(picture.height for picture in pictures)
    width = max(picture.width for picture in pictures)
    canvas = np.zeros((len(pictures), 1, height, width), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        canvas[index, 0, : picture.height, : picture.width] = picture.pixels
    scaling = manifest.scaling
    return {
        "canvas": canvas,
        "extent": np.array([(picture.height, picture.width) for picture in pictures], dtype=np.int64),
        "scaling": np.array((scaling.temperature, scaling.unet_weight, *scaling.bias), dtype=np.float32),
    }


def _segmented(picture: Picture, outputs: dict[str, NDArray[Any]], index: int) -> Segmented:
    parts = outputs["parts"][index, : picture.height, : picture.width]
    return Segmented(
        picture=picture,
        probability=outputs["probability"][index, : picture.height, : picture.width],
        mask=parts > 0,
        main_part=parts == _MAIN_PART,
        class_logits=outputs["class_logits"][index],
        activation=outputs["picture_activation"][index],
    )


def _classified(manifest: Manifest, outputs: dict[str, NDArray[Any]], index: int, certainty: float) -> Classified:
    return classified(
        manifest,
        outputs["probabilities"][index].astype(np.float64),
        certainty,
        float(outputs["novelty"][index]),
        outputs["window_activation"][index],
        Box(*(int(edge) for edge in outputs["window"][index])),
    )
