"""What people do to an image before they send it: each transformation turns uint8 `H x W` pixels into such pixels.

None of them changes what a doctor would see in the image, and none of them was used to fit anything but the limits in
`imaging.layout`.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imaging.preprocess import Grey, resize

Transformation = Callable[[Grey, np.random.Generator], Grey]
Others = list[Grey]


def with_margin(share: float, shade: int) -> Transformation:
    """An even margin on all sides, `share` of the longer side wide: a slide, a report, a page."""

    def transform(pixels: Grey, _random: np.random.Generator) -> Grey:
        width = max(1, round(share * max(pixels.shape)))
        return np.asarray(
            cv2.copyMakeBorder(pixels, width, width, width, width, cv2.BORDER_CONSTANT, value=shade), dtype=np.uint8
        )

    return transform


def negative(pixels: Grey, _random: np.random.Generator) -> Grey:
    """The invert key of a viewer, or a film."""
    return 255 - pixels


def squeezed(down: float, across: float) -> Transformation:
    """Another ratio of the sides, as a page or a slide makes it."""

    def transform(pixels: Grey, _random: np.random.Generator) -> Grey:
        return resize(pixels, round(pixels.shape[0] * down), round(pixels.shape[1] * across))

    return transform


def bent(gamma: float) -> Transformation:
    """Another brightness of the middle greys."""
    table: Grey = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return lambda pixels, _random: table[pixels]


def as_jpeg(quality: int) -> Transformation:
    """Blocks of a mail or a messenger."""

    def transform(pixels: Grey, _random: np.random.Generator) -> Grey:
        _, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)

    return transform


def blurred(pixels: Grey, _random: np.random.Generator) -> Grey:
    """Gaussian, 1.5 px at 448 px."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.5), dtype=np.uint8)


def turned(degrees: float) -> Transformation:
    """Turned about the middle; the corners are black."""

    def transform(pixels: Grey, _random: np.random.Generator) -> Grey:
        height, width = pixels.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(pixels, turn, (width, height)), dtype=np.uint8)

    return transform


def mirrored(pixels: Grey, _random: np.random.Generator) -> Grey:
    """Left and right exchanged."""
    return np.ascontiguousarray(pixels[:, ::-1])


def on_a_screen(pixels: Grey, random: np.random.Generator, longest: int = 1024) -> Grey:
    """A simulated photo of a monitor: its grid of dots, slant, uneven light, a bezel or none, a camera's blur, JPEG.

    Args:
        longest: how long the longer side of the screen is in the photo, in pixels.
    """
    big = resize(pixels, *(round(side * longest / max(pixels.shape)) for side in pixels.shape)).astype(np.float32)
    pitch, depth = random.uniform(2.2, 4.5), random.uniform(0.05, 0.2)
    rows, columns = (1 - depth + depth * np.cos(2 * np.pi * np.arange(side) / pitch) for side in big.shape)
    light = np.linspace(random.uniform(0.75, 1.0), random.uniform(0.75, 1.1), big.shape[1])
    shown = np.clip(random.uniform(5, 25) + 0.85 * big * rows[:, None].astype(np.float32) * (columns * light), 0, 255)
    top, bottom, left, right = (int(random.uniform(0, 0.08) * longest * (random.random() < 0.7)) for _ in range(4))
    shade = int(random.integers(10, 60))
    framed = cv2.copyMakeBorder(shown.astype(np.uint8), top, bottom, left, right, cv2.BORDER_CONSTANT, value=shade)
    height, width = framed.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + random.uniform(-0.06, 0.06, (4, 2)).astype(np.float32) * (width, height)
    slant = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    seen = cv2.warpPerspective(framed, slant, (width, height), borderValue=int(random.integers(20, 120)))
    soft = cv2.GaussianBlur(seen, (0, 0), random.uniform(0.5, 1.2)).astype(np.float32)
    noise = random.standard_normal(seen.shape, dtype=np.float32) * random.uniform(1, 5)
    return as_jpeg(int(random.integers(60, 92)))(np.clip(soft + noise, 0, 255).astype(np.uint8), random)


def above(other: Grey, gap: int, shade: int = 0) -> Transformation:
    """Another image above it, as wide, with a gap of so many px."""

    def transform(pixels: Grey, _random: np.random.Generator) -> Grey:
        upper = resize(other, round(other.shape[0] * pixels.shape[1] / other.shape[1]), pixels.shape[1])
        return np.vstack([upper, np.full((gap, pixels.shape[1]), shade, np.uint8), pixels])

    return transform


def beside(other: Grey, gap: int, shade: int = 0) -> Transformation:
    """Another image at its left, as high."""

    def transform(pixels: Grey, random: np.random.Generator) -> Grey:
        turned_both = above(np.ascontiguousarray(other.T), gap, shade)(np.ascontiguousarray(pixels.T), random)
        return np.ascontiguousarray(turned_both.T)

    return transform


def four(others: Others, gap: int, shade: int = 0) -> Transformation:
    """Two by two, the image at the lower right."""

    def transform(pixels: Grey, random: np.random.Generator) -> Grey:
        lower = beside(others[2], gap, shade)(pixels, random)
        upper = beside(others[0], gap, shade)(others[1], random)
        return above(upper, gap, shade)(lower, random)

    return transform
