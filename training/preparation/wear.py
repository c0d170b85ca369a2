"""What happens to a picture between the scanner and us: other scanners' processing, exports, screenshots, mails.

Networks that are to travel learn from pictures that have: each kind of wear comes over a share of them, whatever their
class, and never moves a pixel, so that outlines stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch

from imaging.preprocess import Grey
from training.preparation import transformed

Wear = Callable[[Grey, np.random.Generator], Grey]

LETTERS = "ABCDEFGHIKLMNOPRSTUVWZ0123456789.:/+"


def compressed(pixels: Grey, random: np.random.Generator) -> Grey:
    """JPEG, from hardly visible to blocky."""
    return transformed.as_jpeg(int(random.integers(20, 90)))(pixels, random)


def shrunk(pixels: Grey, random: np.random.Generator) -> Grey:
    """Stored smaller and enlarged again: what is lost is fine speckle."""
    height, width = pixels.shape
    share = random.uniform(0.4, 0.8)
    small = cv2.resize(pixels, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    back = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[int(random.integers(3))]
    return np.asarray(cv2.resize(small, (width, height), interpolation=back), dtype=np.uint8)


def blurred(pixels: Grey, random: np.random.Generator) -> Grey:
    """A soft focus, or averaging of frames."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.4, 1.4)), dtype=np.uint8)


def sharpened(pixels: Grey, random: np.random.Generator) -> Grey:
    """The edge enhancement that scanners offer: the difference from a blurred copy, added."""
    soft = cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.8, 2.0))
    more = random.uniform(0.3, 1.2)
    return np.asarray(cv2.addWeighted(pixels, 1 + more, soft, -more, 0), dtype=np.uint8)


def regraded(pixels: Grey, random: np.random.Generator) -> Grey:
    """Another grey map and dynamic range: dark greys sink to black, light ones to white, the rest bends."""
    low, high = random.uniform(0, 0.12), random.uniform(0.7, 1.15)
    steps = np.clip((np.arange(256) / 255 - low) / (high - low), 0, 1)
    bend = np.exp(random.uniform(-0.6, 0.6))
    table: Grey = np.round(255 * steps**bend).astype(np.uint8)
    return table[pixels]


def written_on(pixels: Grey, random: np.random.Generator) -> Grey:
    """Text and measuring crosses, anywhere: burned in they mark lesions, and here they mark nothing."""
    canvas, (height, width) = pixels.copy(), pixels.shape
    ink = int(random.integers(150, 256))
    for _ in range(int(random.integers(1, 4))):
        text = "".join(random.choice(list(LETTERS), int(random.integers(2, 10))))
        place = (int(random.integers(0, width)), int(random.integers(8, height)))
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_PLAIN, random.uniform(0.5, 1.0), ink, 1)
    for _ in range(2 * int(random.integers(0, 3))):
        place = (int(random.integers(0, width)), int(random.integers(0, height)))
        shape = (cv2.MARKER_CROSS, cv2.MARKER_TILTED_CROSS)[int(random.integers(2))]
        cv2.drawMarker(canvas, place, ink, shape, int(random.integers(4, 9)))
    return canvas


SHARES: dict[Wear, float] = {  # of the pictures that each kind comes over, in this order: mails come after scanners
    sharpened: 0.15,
    regraded: 0.4,
    written_on: 0.25,
    blurred: 0.2,
    shrunk: 0.3,
    compressed: 0.4,
}


def worn(picture: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Wear over whole pictures, each its own.

    Args:
        picture: float `B x 1 x H x W` in 0..1.
    """
    random = np.random.default_rng(int(torch.randint(1 << 31, (1,), generator=generator)))
    grey = (picture.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    changed = np.stack([_one(pixels, random) for pixels in grey[:, 0]])[:, None]
    return torch.from_numpy(changed).to(picture.device).float() / 255


def _one(pixels: Grey, random: np.random.Generator) -> Grey:
    for wear, share in SHARES.items():
        if random.uniform() < share:
            pixels = wear(pixels, random)
    return pixels
