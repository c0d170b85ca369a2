"""Synthetic pictures that look like breast ultrasound, for samples, tests and warm-up. No patient is in them.

Echo amplitude is Rayleigh distributed (fully developed speckle: Wagner et al. 1983, IEEE Trans. Sonics Ultrason.
30:156), made from complex Gaussian noise blurred with a point spread that is wider across the beam than along it. Three
such looks are averaged, as a scanner's spatial compounding does, and log-compressed to 8 bits.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.preprocess import Grey

_Map = NDArray[np.float32]
_DYNAMIC_RANGE_DB = 60.0
_LOOKS = 3
_ATTENUATION_DB = 11.0
_GRID_SCALE_PX = 4.0
SAMPLES = {"no-lesion": (11, None), "smooth-oval": (3, "oval"), "irregular": (5, "irregular")}


def speckle(seed: int, lesion: str | None, height: int = 375, width: int = 448) -> Grey:
    """A synthetic ultrasound picture.

    Args:
        seed: same seed, same picture.
        lesion: None, "oval" (smooth, dark, brighter below) or "irregular" (spiky, dark, shadow below).

    Returns:
        uint8 `height x width`.
    """
    random = np.random.default_rng(seed)
    echo_db = _layers(random, height, width)
    if lesion is not None:
        inside = _lesion_weight(random, lesion, height, width)
        echo_db = _with_lesion(echo_db, inside, is_shadowing=lesion == "irregular")
    amplitude = _rayleigh(random, height, width) * np.power(10.0, echo_db / 20.0, dtype=np.float32)
    level_db = 20.0 * np.log10(np.maximum(amplitude, 1e-6))
    return np.asarray(np.clip(np.rint(255.0 * (1.0 + level_db / _DYNAMIC_RANGE_DB)), 0, 255), dtype=np.uint8)


def lesion_mask(seed: int, lesion: str, height: int = 375, width: int = 448) -> NDArray[np.bool_]:
    """Where `speckle` with the same arguments put the lesion: bool `height x width`."""
    random = np.random.default_rng(seed)
    _layers(random, height, width)
    return _lesion_weight(random, lesion, height, width) > 0.5


def write_samples(folder: Path) -> list[Path]:
    """Write the three sample pictures of the upload page as PNG and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, (seed, lesion) in SAMPLES.items():
        path = folder / f"synthetic-{name}.png"
        Image.fromarray(speckle(seed, lesion)).save(path, optimize=True)
        paths.append(path)
    return paths


def _layers(random: np.random.Generator, height: int, width: int) -> _Map:
    """Mean echo in dB below white: skin, fat, gland, muscle, with wavy borders, septa and a loss with depth."""
    depth = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    wave = 0.03 * _smooth_noise(random, 1, width, width / 6)
    echo = np.full((height, width), -40.0, dtype=np.float32)
    for upper, lower, level, softness in (
        (0.0, 0.05, -15.0, 0.006), (0.22, 0.72, -28.0, 0.02), (0.72, 0.76, -20.0, 0.008), (0.76, 1.1, -40.0, 0.02),
    ):  # fmt: skip
        weight = _step((depth - upper - wave) / softness) * _step((lower + wave - depth) / softness)
        echo += weight * (level - echo)
    septa = np.abs(_smooth_noise(random, height, width, width / 16, flatness=5.0))
    echo += 5.0 * np.exp(-((septa / 0.12) ** 2)) * (depth > 0.06)
    echo += 2.5 * _smooth_noise(random, height, width, width / 30)
    strands = np.maximum(_smooth_noise(random, height, width, width / 10, flatness=9.0) - 1.1, 0.0)
    echo += 9.0 * strands * (depth > 0.06)
    return np.asarray(echo - _ATTENUATION_DB * depth**1.5, dtype=np.float32)


def _lesion_weight(random: np.random.Generator, lesion: str, height: int, width: int) -> _Map:
    """How far each pixel belongs to the lesion, 0..1, with a soft edge: an ellipse whose radius varies with angle."""
    centre_y, centre_x = height * random.uniform(0.38, 0.48), width * random.uniform(0.40, 0.60)
    is_irregular = lesion == "irregular"
    half_width = width * (random.uniform(0.10, 0.13) if is_irregular else random.uniform(0.15, 0.19))
    half_height = half_width * (random.uniform(1.05, 1.2) if is_irregular else random.uniform(0.55, 0.65))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    y, x = (rows - centre_y) / half_height, (columns - centre_x) / half_width
    angle, radius = np.arctan2(y, x), np.hypot(y, x)
    limit = np.ones_like(radius)
    orders = range(2, 12) if is_irregular else range(2, 4)
    for order in orders:
        strength = (0.11 if is_irregular else 0.02) * random.uniform(0.4, 1.0) / (1 + 0.08 * order)
        limit += strength * np.cos(order * angle + random.uniform(0, 2 * np.pi))
    softness = 0.08 if is_irregular else 0.04
    return _step((limit - radius) / softness)


def _with_lesion(echo_db: _Map, inside: _Map, is_shadowing: bool) -> _Map:
    """Darken the lesion and change the echo below it: sound is weakened by a hard lesion, less by a watery one."""
    level = -52.0 if is_shadowing else -50.0
    echo_db = echo_db + inside * (level - echo_db)
    path_length = np.cumsum(inside, axis=0) * (1.0 - inside)
    below = cv2.GaussianBlur(path_length.astype(np.float32), (0, 0), 4) / max(float(path_length.max()), 1.0)
    return np.asarray(echo_db + (-18.0 if is_shadowing else 14.0) * below, dtype=np.float32)


def _rayleigh(random: np.random.Generator, height: int, width: int) -> _Map:
    """Compounded speckle amplitude with mean square 1: the mean modulus of blurred complex Gaussian noise."""
    parts = random.standard_normal((2 * _LOOKS, height, width), dtype=np.float32)
    blurred = [cv2.GaussianBlur(part, (0, 0), sigmaX=2.6, sigmaY=1.1) for part in parts]
    amplitude = np.mean([np.hypot(*blurred[look : look + 2]) for look in range(0, 2 * _LOOKS, 2)], axis=0)
    return np.asarray(amplitude / np.sqrt(np.mean(amplitude**2)), dtype=np.float32)


def _smooth_noise(random: np.random.Generator, height: int, width: int, scale_px: float, flatness: float = 3.0) -> _Map:
    """Gaussian noise of standard deviation 1 that changes over `scale_px` across and `scale_px / flatness` down.

    Made on a coarse grid and enlarged: blurring over a sixth of the width at full size would take seconds.
    """
    across, down = max(1.0, scale_px / _GRID_SCALE_PX), max(1.0, scale_px / flatness / _GRID_SCALE_PX)
    rows, columns = max(1, round(height / down)), max(2, round(width / across))
    noise = random.standard_normal((rows, columns), dtype=np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), sigmaX=_GRID_SCALE_PX, sigmaY=_GRID_SCALE_PX if height > 1 else 0.01)
    enlarged = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width)
    return np.asarray(enlarged / max(float(enlarged.std()), 1e-9), dtype=np.float32)


def _step(values: NDArray[np.floating]) -> _Map:
    """A soft step from 0 to 1 around zero."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -30, 30))), dtype=np.float32)
