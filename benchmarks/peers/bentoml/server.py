"""BentoML with our own ONNX files.

    bentoml serve server:Reader --port 8000

BentoML's defaults: one worker, one picture at a time; onnxruntime's defaults: as many threads as cores. Nothing is kept
or drawn.
"""

from __future__ import annotations

import json
import os
from pathlib import Path as FilePath
from typing import Any

import bentoml
import numpy as np
import onnxruntime
from PIL import Image

LABELS = ("benign", "malignant", "normal")
MODELS = FilePath(os.environ["MODELS_DIR"])


@bentoml.service(traffic={"timeout": 120})
class Reader:
    """Decode, segment, crop, classify."""

    def __init__(self) -> None:
        networks = json.loads((MODELS / "manifest.json").read_text(encoding="utf-8"))["networks"]
        self.sides = [networks[name]["input_size"] for name in ("segmentation", "classification")]
        self.unet, self.efficientnet = (
            onnxruntime.InferenceSession(
                str(MODELS / networks[name]["file"]), providers=onnxruntime.get_available_providers()
            )
            for name in ("segmentation", "classification")
        )

    @bentoml.api
    def read(self, file: Image.Image) -> dict[str, Any]:
        picture = file.convert("L")
        mask_side, class_side = self.sides
        small = np.asarray(picture.resize((mask_side, mask_side)))[None, None]
        (mask,) = self.unet.run(["probability"], {"picture": small})
        grey = np.asarray(picture.resize((class_side, class_side)))
        soft = np.asarray(Image.fromarray(mask[0, 0]).resize((class_side, class_side)))
        masked = (grey.astype(np.uint16) * soft // 255).astype(np.uint8)
        (logits,) = self.efficientnet.run(["logits"], {"segmented": np.stack([grey, soft, masked])[None]})
        weights = np.exp(logits[0] - logits[0].max())
        shares = weights / weights.sum()
        probabilities = {label: float(share) for label, share in zip(LABELS, shares, strict=True)}
        return {"probabilities": probabilities, "lesion_share": float((mask > 127).mean())}
