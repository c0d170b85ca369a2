"""Draws what the layout network learns from: single images and arrangements of them, as people send both.

Everything is made from the same real images, so that nothing but the arrangement tells one kind from another.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from imaging.layout.arrangement import shown
from imaging.preprocess import Grey
from training.preparation import transformed, wear

KINDS = ("several_panels", "inverted", "photo_of_screen")  # codes of the gate, in the order of the labels
SIDE = 224  # of what the network is shown
SEVERAL_SHARE, INVERTED_SHARE, SCREEN_SHARE = 0.5, 0.3, 0.15
_OWN_HOSPITAL, _OWN_IMAGE = 0.65, 0.15
_GAPLESS = 0.5
_SHADES = (0, 0, 30, 128, 255)

Labels = tuple[bool, bool, bool]


def draw(hospitals: Sequence[Sequence[Grey]], random: np.random.Generator) -> tuple[Grey, Labels]:
    """One example: uint8 `SIDE x SIDE`, and whether it is several images, inverted, a photo of a screen.

    Args:
        hospitals: images of each hospital, uint8 `H x W` without margins.
    """
    own = hospitals[int(random.integers(len(hospitals)))]
    pixels = _one(own, random)
    is_several, is_inverted = bool(random.random() < SEVERAL_SHARE), bool(random.random() < INVERTED_SHARE)
    if is_several:
        pixels = _beside_others(pixels, hospitals, own, random)
    else:
        pixels = _marked(pixels, random)
    if is_inverted:
        pixels = 255 - pixels
    is_screen = bool(random.random() < SCREEN_SHARE)
    if is_screen:
        pixels = transformed.on_a_screen(pixels, random, int(random.integers(380, 700)))
    elif random.random() < 0.1:
        pixels = transformed.turned(float(random.uniform(-8, 8)))(pixels, random)
    pixels = _sent(pixels, random)
    return shown(pixels, SIDE)[0, 0], (is_several, is_inverted, is_screen)


def _one(images: Sequence[Grey], random: np.random.Generator, image: Grey | None = None) -> Grey:
    """An image of a hospital, or a window of it, in other greys and another ratio of the sides."""
    pixels = images[int(random.integers(len(images)))] if image is None else image
    if random.random() < 0.5:
        height, width = (round(side * random.uniform(0.6, 1)) for side in pixels.shape)
        top, left = (int(random.integers(0, a - b + 1)) for a, b in zip(pixels.shape, (height, width), strict=True))
        pixels = pixels[top : top + height, left : left + width]
    if random.random() < 0.5:
        pixels = pixels[:, ::-1]
    pixels = np.ascontiguousarray(pixels)
    if random.random() < 0.4:
        pixels = transformed.squeezed(float(random.uniform(0.65, 1)), float(random.uniform(0.65, 1)))(pixels, random)
    if random.random() < 0.5:
        pixels = wear.regraded(pixels, random)
    return pixels


def _marked(pixels: Grey, random: np.random.Generator) -> Grey:
    """What single images carry and is no seam: text, measuring crosses, lines across, a strip without echoes."""
    if random.random() < 0.4:
        pixels = _captioned(pixels, random)
    if random.random() < 0.12:
        pixels = pixels.copy()
        place = int(random.uniform(0.1, 0.9) * pixels.shape[0])
        cv2.line(pixels, (0, place), (pixels.shape[1], place), int(random.integers(0, 256)), 1)
    if random.random() < 0.12:
        pixels = pixels.copy()
        ends = [(int(random.uniform(0, 1) * pixels.shape[1]), y) for y in (0, pixels.shape[0])]
        cv2.line(pixels, ends[0], ends[1], int(random.integers(0, 256)), 1)
    if random.random() < 0.15:
        height = max(24, round(random.uniform(0.05, 0.3) * pixels.shape[0]))
        strip = np.zeros((height, pixels.shape[1]), np.uint8)
        strip = wear.written_on(strip, random) if random.random() < 0.5 else strip
        pixels = np.vstack([strip, pixels] if random.random() < 0.5 else [pixels, strip])
    if random.random() < 0.1:
        bar = np.linspace(255, 0, pixels.shape[0]).astype(np.uint8)[:, None].repeat(12, axis=1)
        pixels = np.hstack([pixels, np.zeros((pixels.shape[0], 10), np.uint8), bar])
    return pixels


def _captioned(pixels: Grey, random: np.random.Generator) -> Grey:
    """A line or two of words, as long as the image is wide at most, and the ticks of a ruler."""
    canvas, (height, width) = wear.written_on(pixels, random), pixels.shape
    ink, scale = int(random.integers(120, 256)), float(random.uniform(0.7, 2.2))
    for _ in range(int(random.integers(0, 3))):
        words = "".join(random.choice(list(wear.LETTERS + "   "), int(random.integers(6, 28))))
        place = (int(random.uniform(0, 0.5) * width), int(random.uniform(0.05, 1) * height))
        cv2.putText(canvas, words, place, cv2.FONT_HERSHEY_PLAIN, scale, ink, int(random.integers(1, 3)))
    if random.random() < 0.5:
        column = int(random.choice([4, 8, width - 8]))
        for row in range(int(random.integers(0, 12)), height, int(random.integers(6, 30))):
            cv2.circle(canvas, (column, row), int(random.integers(1, 3)), ink, -1)
    return canvas


def _beside_others(
    pixels: Grey, hospitals: Sequence[Sequence[Grey]], own: Sequence[Grey], random: np.random.Generator
) -> Grey:
    def other() -> Grey:
        chance = random.random()
        if chance < _OWN_IMAGE:
            return _one(own, random, pixels)
        return _one(
            own if chance < _OWN_IMAGE + _OWN_HOSPITAL else hospitals[int(random.integers(len(hospitals)))], random
        )

    gap = 0 if random.random() < _GAPLESS else int(random.integers(1, 20))
    shade = int(random.choice(_SHADES))
    chance = random.random()
    if chance < 0.45:
        arrange = transformed.above(other(), gap, shade)
    elif chance < 0.75:
        arrange = transformed.beside(other(), gap, shade)
    elif chance < 0.95:
        arrange = transformed.four([other(), other(), other()], gap, shade)
    else:
        arrange = transformed.beside(transformed.beside(other(), gap, shade)(other(), random), gap, shade)
    return arrange(pixels, random)


def _sent(pixels: Grey, random: np.random.Generator) -> Grey:
    """What a mail, a messenger or an export leaves of it."""
    if random.random() < 0.3:
        pixels = wear.shrunk(pixels, random)
    if random.random() < 0.15:
        pixels = wear.blurred(pixels, random)
    if random.random() < 0.1:
        pixels = wear.sharpened(pixels, random)
    if random.random() < 0.4:
        pixels = wear.compressed(pixels, random)
    return pixels
