"""Pictures that are no breast ultrasound: never a confident class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tests.exam.marks import exam
from tests.exam.twins import finished
from tests.factories.pictures import encoded, photo
from tests.factories.server import Server

Seen = Callable[[str], None]


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (400, 400), dtype=np.uint8)


def ct_slice(seed: int) -> NDArray[np.uint8]:
    """A slice through a trunk: grey ellipse with a bright rim, two dark lungs, a bright spine, a round vessel."""
    random = np.random.default_rng(seed)
    image = Image.new("L", (512, 512), 0)
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 90, 472, 422), fill=110)
    draw.ellipse((52, 102, 460, 410), fill=140)
    draw.ellipse((80, 140, 220, 340), fill=18)
    draw.ellipse((292, 140, 432, 340), fill=18)
    draw.ellipse((230, 330, 282, 382), fill=235)
    draw.ellipse((238, 170, 300, 232), fill=170)
    draw.rectangle((60, 440, 452, 448), fill=90)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2))).astype(np.float64)
    return np.clip(pixels + random.normal(0, 5, pixels.shape) * (pixels > 8), 0, 255).astype(np.uint8)


def cat(seed: int) -> NDArray[np.uint8]:
    """A round head with ears, eyes and whiskers before a soft background: light and fur, no echoes."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (480, 400), (150, 130, 110))
    draw = ImageDraw.Draw(image)
    draw.polygon([(130, 150), (150, 40), (220, 110)], fill=(120, 85, 50))
    draw.polygon([(350, 150), (330, 40), (260, 110)], fill=(120, 85, 50))
    draw.ellipse((120, 80, 360, 330), fill=(150, 105, 60))
    for x in (180, 270):
        draw.ellipse((x, 160, x + 40, 200), fill=(190, 200, 60))
        draw.ellipse((x + 14, 165, x + 26, 195), fill=(10, 10, 10))
    for height in (240, 250, 260):
        draw.line((60, height, 200, 250), fill=(240, 240, 240))
        draw.line((420, height, 280, 250), fill=(240, 240, 240))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(1))).astype(np.float64)
    return np.clip(pixels + random.normal(0, 6, (*pixels.shape[:2], 1)), 0, 255).astype(np.uint8)


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).convert("L"))


FOREIGN: dict[str, NDArray[np.uint8]] = {
    "black": np.zeros((300, 400), np.uint8),
    "white": np.full((300, 400), 255, np.uint8),
    "black with a spot": np.pad(np.full((4, 4), 255, np.uint8), 150),
    "noise": noise(1),
    "soft noise": np.asarray(Image.fromarray(noise(2)).filter(ImageFilter.GaussianBlur(3))),
    "photo": photo(1),
    "photo in grey": grey(photo(2)),
    "cat": cat(1),
    "cat in grey": grey(cat(2)),
    "CT slice": ct_slice(1),
    "CT slice, another": ct_slice(2),
    "gradient": np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1)),
    "checks": (np.indices((320, 320)).sum(axis=0) // 16 % 2 * 255).astype(np.uint8),
}


@exam(
    "B24",
    given="Black, white, noise, a photo, a cat, a CT slice",
    expected="Declined or 'can't tell'; no class is named",
)
@pytest.mark.parametrize("name", sorted(FOREIGN))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_no_ultrasound_gets_no_class(server: Server, seen: Seen, name: str, kind: str) -> None:
    image = finished(server, encoded(FOREIGN[name], kind))
    assert image["category"] in ("declined", "unsure"), image["probabilities"]
    if image["category"] == "declined":
        assert image["label"] is None
        assert image["probabilities"] is None
    reason = image["reason"]["code"] if image["reason"] else image["because"]
    seen(f"{name} as {kind}: {image['category']} ({reason})")
