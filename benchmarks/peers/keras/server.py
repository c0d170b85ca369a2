"""What a student would build first: Flask, and `model.predict` of a U-Net and an EfficientNetB3 from Keras.

    gunicorn --workers 1 --worker-class gthread --threads 4 server:app

The U-Net is the usual one of width 32 on 256 px, the classifier Keras' own EfficientNetB3 on 300 px. Random weights:
the time of a network does not depend on them. Nothing is kept, no picture is drawn; the answer is a handful of numbers.
"""

from __future__ import annotations

import io
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from flask import Flask, jsonify, request
from keras import layers
from PIL import Image

LABELS = ("benign", "malignant", "normal")
MASK_SIDE, CLASS_SIDE, WIDTH = 256, 300, 32

app = Flask(__name__)


def double_convolution(x, width: int):  # noqa: ANN001, ANN201 - Keras' symbolic tensors have no public type
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    return x


def unet() -> keras.Model:
    """Ronneberger et al. 2015, with padding, of width 32 and four halvings: 7.8 million parameters."""
    picture = x = keras.Input((MASK_SIDE, MASK_SIDE, 1))
    passed_on = []
    for level in range(4):
        x = double_convolution(x, WIDTH << level)
        passed_on.append(x)
        x = layers.MaxPooling2D()(x)
    x = double_convolution(x, WIDTH << 4)
    for level in reversed(range(4)):
        x = layers.Conv2DTranspose(WIDTH << level, 2, strides=2, padding="same")(x)
        x = double_convolution(layers.Concatenate()([x, passed_on[level]]), WIDTH << level)
    return keras.Model(picture, layers.Conv2D(1, 1, activation="sigmoid")(x))


segmentation = unet()
classification = keras.applications.EfficientNetB3(
    weights=None, classes=len(LABELS), input_shape=(CLASS_SIDE, CLASS_SIDE, 3)
)


@app.get("/health")
def health():  # noqa: ANN201
    return {"status": "ok"}


@app.post("/read")
def read():  # noqa: ANN201
    picture = Image.open(io.BytesIO(request.files["file"].read())).convert("L")
    small = np.asarray(picture.resize((MASK_SIDE, MASK_SIDE)), dtype=np.float32)[None, :, :, None] / 255
    mask = segmentation.predict(small, verbose=0)[0, :, :, 0]
    large = np.asarray(picture.resize((CLASS_SIDE, CLASS_SIDE)), dtype=np.float32)
    enlarged = Image.fromarray((mask * 255).astype(np.uint8)).resize((CLASS_SIDE, CLASS_SIDE))
    masked = large * (np.asarray(enlarged, dtype=np.float32) / 255)
    classes = classification.predict(np.stack([masked] * 3, axis=-1)[None], verbose=0)[0]
    probabilities = {label: float(share) for label, share in zip(LABELS, classes, strict=True)}
    return jsonify(probabilities=probabilities, lesion_share=float((mask > 0.5).mean()))
