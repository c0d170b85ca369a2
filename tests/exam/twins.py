"""Two files of one picture must be read alike: uploads a file, waits for the answer, and compares answers."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.statistics import agreement
from tests.factories.server import Server


@dataclass(frozen=True)
class Reading:
    """What the server answered: the mask (bool, H x W), calibrated probabilities by class, and the whole image."""

    mask: NDArray[np.bool_]
    probabilities: dict[str, float]
    image: dict[str, Any]


def finished(server: Server, content: bytes, name: str = "picture.png", timeout_s: float = 120.0) -> dict[str, Any]:
    """Upload a file that is accepted, and wait until its image is done or declined."""
    status, image = server.upload(content, name)
    assert status in (200, 201, 202), f"{status} {image}"
    deadline = time.monotonic() + timeout_s
    while image["status"] == "queued":
        assert time.monotonic() < deadline, f"still waiting after {timeout_s} s"
        time.sleep(0.2)
        image = json.loads(server.get(image["links"]["self"])[1])
    return image


def read(server: Server, content: bytes, name: str = "picture.png") -> Reading:
    """Upload a file that is read (not declined), and fetch its mask."""
    image = finished(server, content, name)
    assert image["status"] == "done", f"{image['status']}: {image['reason']}"
    status, mask = server.get(image["links"]["mask"])
    assert status == 200
    with Image.open(io.BytesIO(mask)) as mask_picture:
        return Reading(np.asarray(mask_picture) > 127, image["probabilities"], image)


def difference(a: Reading, b: Reading) -> float:
    """Largest difference of a class's probability."""
    return max(abs(a.probabilities[name] - b.probabilities[name]) for name in a.probabilities)


def assert_same(a: Reading, b: Reading, probability_bound: float = 0.02, dice: float = 0.99) -> str:
    """The same lesion and the same class probabilities, within the bounds; returns the figures, fit for `seen`."""
    assert a.mask.shape == b.mask.shape, f"{a.mask.shape} and {b.mask.shape}"
    assert a.mask.any(), "nothing was outlined: two empty masks prove nothing"
    dice_seen, difference_seen = agreement.dice(a.mask, b.mask), difference(a, b)
    assert dice_seen >= dice, f"Dice {dice_seen:.4f}"
    assert difference_seen <= probability_bound, f"probabilities differ by {difference_seen:.4f}"
    return f"Dice {dice_seen:.4f}, probabilities differ by {difference_seen:.4f}"
