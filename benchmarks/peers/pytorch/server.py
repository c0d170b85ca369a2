"""Flask and PyTorch, eager: our own two networks as somebody would serve them who has just trained them.

    gunicorn --workers 1 --worker-class gthread --threads 4 server:app

The same architecture and input sizes as `models/` (MONAI's FlexibleUNet with an EfficientNetB0 encoder, and
EfficientNetB3), random weights: the time of a network does not depend on them. Nothing is kept or drawn.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import torch
from flask import Flask, jsonify, request
from monai.networks.nets import EfficientNetBN, FlexibleUNet
from PIL import Image

LABELS = ("benign", "malignant", "normal")
DECODER_CHANNELS = (128, 64, 32, 24, 16)
networks = json.loads((Path(os.environ["MODELS_DIR"]) / "manifest.json").read_text(encoding="utf-8"))["networks"]
MASK_SIDE, CLASS_SIDE = networks["segmentation"]["input_size"], networks["classification"]["input_size"]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

app = Flask(__name__)
segmentation = FlexibleUNet(1, 1, "efficientnet-b0", pretrained=False, decoder_channels=DECODER_CHANNELS, is_pad=False)
classification = EfficientNetBN("efficientnet-b3", pretrained=False, in_channels=3, num_classes=len(LABELS))
segmentation.eval().to(DEVICE)
classification.eval().to(DEVICE)


@app.get("/health")
def health():  # noqa: ANN201
    return {"status": "ok"}


@app.post("/read")
def read():  # noqa: ANN201
    picture = Image.open(io.BytesIO(request.files["file"].read())).convert("L")
    with torch.inference_mode():
        mask = torch.sigmoid(segmentation(tensor(picture, MASK_SIDE)[None, None] / 255))
        grey = tensor(picture, CLASS_SIDE) / 255
        soft = torch.nn.functional.interpolate(mask, size=(CLASS_SIDE, CLASS_SIDE), mode="bilinear")[0, 0]
        classes = torch.softmax(classification(torch.stack([grey, soft, grey * soft])[None])[0], dim=0).cpu()
    probabilities = {label: float(share) for label, share in zip(LABELS, classes, strict=True)}
    return jsonify(probabilities=probabilities, lesion_share=float((mask > 0.5).float().mean()))


def tensor(picture: Image.Image, side: int) -> torch.Tensor:
    """Float `side x side`, 0..255."""
    return torch.from_numpy(np.array(picture.resize((side, side)), dtype=np.float32)).to(DEVICE)
