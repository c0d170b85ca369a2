"""Pictures that are no breast ultrasound, made by code or cut from the two photos that scikit-learn brings along."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

from imaging.phantom import speckle
from imaging.preprocess import Grey

Draw = Callable[[np.random.Generator], Grey]


def photo(random: np.random.Generator) -> Grey:
    """A random crop, in grey, of a photo of a temple or of a flower."""
    images: list[NDArray[np.uint8]] = load_sample_images().images
    whole = np.asarray(Image.fromarray(images[int(random.integers(len(images)))]).convert("L"))
    height, width = (int(random.integers(200, side)) for side in whole.shape)
    top, left = (int(random.integers(0, side - size)) for side, size in zip(whole.shape, (height, width), strict=True))
    return np.ascontiguousarray(whole[top : top + height, left : left + width])


def dead_leaves(random: np.random.Generator) -> Grey:
    """Discs of all sizes that cover one another, each of one grey: the simplest picture with the edges of a photo.

    Lee, Mumford and Huang 2001, Int. J. Computer Vision 41:35: radii fall off with the cube.
    """
    canvas = np.zeros((320, 400), dtype=np.uint8)
    radii = 6 / np.sqrt(random.uniform(0.003, 1, 1500))
    for radius in radii:
        centre = (int(random.integers(0, 400)), int(random.integers(0, 320)))
        cv2.circle(canvas, centre, int(radius), int(random.integers(0, 256)), -1)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.8), dtype=np.uint8)


def natural_noise(random: np.random.Generator) -> Grey:
    """Noise whose spectrum falls off with frequency as that of photos does (Field 1987, J. Opt. Soc. Am. A 4:2379)."""
    across, down = np.fft.fftfreq(400)[None, :], np.fft.fftfreq(320)[:, None]
    frequency = np.maximum(np.hypot(across, down), 1 / 400)
    spectrum = np.fft.fft2(random.normal(size=(320, 400))) / frequency ** random.uniform(0.8, 1.4)
    return _stretched(np.fft.ifft2(spectrum).real)


def layered_noise(random: np.random.Generator) -> Grey:
    """The same, stretched along the skin: the texture that the gate asks for, and nothing else of ultrasound."""
    coarse = natural_noise(random)
    flat = cv2.resize(coarse, (400 * 4, 320), interpolation=cv2.INTER_LINEAR)[:, 600:1000]
    grain = random.normal(1, 0.2, flat.shape)
    return np.clip(flat * grain, 0, 255).astype(np.uint8)


def white_noise(random: np.random.Generator) -> Grey:
    """Every pixel for itself."""
    return random.integers(0, 256, (320, 400), dtype=np.uint8)


def phantom(random: np.random.Generator) -> Grey:
    """Our own synthetic ultrasound, with or without a lesion."""
    lesion = (None, "oval", "irregular")[int(random.integers(3))]
    return speckle(int(random.integers(1 << 30)), lesion)


DRAWN: dict[str, Draw] = {
    "crops of two photos, in grey": photo,
    "dead leaves": dead_leaves,
    "noise with the spectrum of photos": natural_noise,
    "the same, layered and grained": layered_noise,
    "white noise": white_noise,
    "synthetic ultrasound": phantom,
}


def draw(name: str, count: int) -> list[Grey]:
    """The first `count` pictures of a group; the same every time."""
    return [DRAWN[name](np.random.default_rng(seed)) for seed in range(count)]


def _stretched(values: NDArray[np.float64]) -> Grey:
    low, high = np.percentile(values, [1, 99])
    return np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)
