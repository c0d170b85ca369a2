"""How many pictures does the check before the networks decline? Real ultrasound it should keep, the rest it should not.

    python -m benchmarks.questions.declining DATA [--photos FOLDER]

DATA holds busi/, busbra/ and mias/ with an images/ folder each. FOLDER holds photos (scikit-image's bundled ones, say).
Pages, noise, gradients, screens and dual views are made here. Prints one line a group and names the real ultrasound
pictures that were declined.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imaging.errors import RefusedUpload, UnusablePicture
from imaging.files.decode import decode
from imaging.files.finding import found
from imaging.gate.quality import check
from imaging.phantom import speckle
from imaging.picture import Picture

MOST_PIXELS = 25_000_000
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif"}
Pixels = NDArray[np.uint8]
Case = tuple[str, str, Picture | None]


def main() -> None:
    """Check every picture of every group and print the counts as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--photos", type=Path)
    arguments = parser.parse_args()
    answers: dict[str, Counter[str]] = {}
    banded: Counter[str] = Counter()
    for group, name, picture in cases(arguments.data, arguments.photos):
        code = answer(picture)
        answers.setdefault(group, Counter())[code] += 1
        if picture is not None:
            banded[group] += bool(found(picture).notices)
        if group in {"busi", "busbra"} and code != "kept":
            print(json.dumps({"declined": name, "code": code}))
    for group, counts in answers.items():
        total = sum(counts.values())
        declined = total - counts["kept"]
        print(json.dumps({"group": group, "pictures": total, "declined": declined, "share": round(declined / total, 4),
                          "codes": dict(counts), "text_bands": banded[group]}))  # fmt: skip


def answer(picture: Picture | None) -> str:
    """Kept, refused, or the code of the objection."""
    if picture is None:
        return "refused"
    try:
        check(found(picture))
    except UnusablePicture as objection:
        return objection.code
    return "kept"


def cases(data: Path, photos: Path | None) -> Iterator[Case]:
    """Every group's pictures: group, name, picture (None where the decoder refused it)."""
    for group in ("busi", "busbra", "mias"):
        for path in sorted((data / group / "images").glob("*")):
            yield group, path.stem, read(path)
    for path in sorted(photos.glob("*")) if photos else ():
        if path.suffix.lower() in SUFFIXES:
            picture = read(path)
            yield "photos as they are", path.stem, picture
            yield "photos in grey", path.stem, picture and Picture(picture.pixels, "png")
    for group, make in (("pages", page), ("noise", noise), ("gradients", gradient), ("phantoms", phantom)):
        for seed in range(200):
            yield group, str(seed), Picture(make(np.random.default_rng(seed), seed), "png")
    yield from arranged(data)


def arranged(data: Path) -> Iterator[Case]:
    """Real pictures, 200 each: on a whole screen with text, two side by side, and turned on their side."""
    paths = sorted((data / "busi" / "images").glob("*")) + sorted((data / "busbra" / "images").glob("*"))
    random = np.random.default_rng(0)
    for index in range(200):
        first, second = (paths[int(random.integers(len(paths)))] for _ in range(2))
        left, right = pixels_of(first), pixels_of(second)
        gutter = np.zeros((left.shape[0], int(random.integers(0, 12))), np.uint8)
        right = np.asarray(cv2.resize(right, left.shape[::-1]), dtype=np.uint8)
        yield "whole screens", f"{first.stem}", Picture(screen(left, random), "png")
        yield "dual views", f"{index}", Picture(np.hstack([left, gutter, right]), "png")
        yield "turned by 90 degrees", first.stem, Picture(np.ascontiguousarray(np.rot90(left)), "png")


def read(path: Path) -> Picture | None:
    try:
        return decode(path.read_bytes(), MOST_PIXELS)
    except RefusedUpload:
        return None


def pixels_of(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def page(random: np.random.Generator, seed: int) -> Pixels:
    """Print of random size, ink, paper, unevenness and grain; a third of them bright on dark."""
    is_dark = seed % 3 == 0
    paper, ink = (random.integers(0, 40), random.integers(190, 256)) if is_dark else (
        random.integers(200, 256), random.integers(0, 80))  # fmt: skip
    sheet = Image.new("L", (int(random.integers(400, 1000)), int(random.integers(400, 1200))), int(paper))
    size = int(random.integers(10, 40))
    print_lines(sheet, 20, 20, sheet.height - 20, size, int(ink), random)
    values = np.asarray(sheet, dtype=np.float64) * np.linspace(1.0, random.uniform(0.7, 1.0), sheet.width)
    grain = random.normal(0, random.uniform(0, 6) if seed % 2 else 0.0, values.shape)
    return np.clip(values + grain, 0, 255).astype(np.uint8)


def print_lines(
    sheet: Image.Image, left: int, top: int, bottom: int, size: int, ink: int, random: np.random.Generator
) -> None:
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=size)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz     "))
    for line in range(top, bottom, round(size * 1.5)):
        text = "".join(random.choice(letters, int(random.integers(5, 90))))
        draw.text((left, line), text, font=font, fill=ink)


def screen(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """A picture amid a scanner's screen of 1024 x 768 px, text on all sides."""
    whole = Image.new("L", (1024, 768), 0)
    scale = min(640 / pixels.shape[1], 560 / pixels.shape[0])
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    for left, top, bottom in ((880, 100, 660), (10, 100, 660), (10, 10, 50), (10, 700, 740)):
        print_lines(whole, left, top, bottom, 18, 210, random)
    whole.paste(Image.new("L", (690, 660), 0), (180, 60))
    whole.paste(Image.fromarray(pixels).resize(size), (190, 90))
    return np.asarray(whole)


def noise(random: np.random.Generator, seed: int) -> Pixels:
    """White, Gaussian, Poisson, binary, Rayleigh and slightly smoothed noise in turn."""
    height, width = (int(value) for value in random.integers(200, 600, 2))
    smooth = cv2.GaussianBlur(random.normal(0, 1, (height, width)), (0, 0), random.uniform(0.6, 1.5))
    made = (
        random.integers(0, 256, (height, width)),
        random.normal(128, random.uniform(10, 50), (height, width)),
        random.poisson(random.uniform(2, 20), (height, width)) * 10,
        (random.random((height, width)) < random.uniform(0.05, 0.5)) * 255,
        random.rayleigh(40, (height, width)),
        128 + 40 * smooth / smooth.std(),
    )[seed % 6]
    return np.clip(made, 0, 255).astype(np.uint8)


def gradient(random: np.random.Generator, seed: int) -> Pixels:
    """Straight and round ramps of grey."""
    rows, columns = np.mgrid[:300, :400] / 400.0
    angle = random.uniform(0, 2 * np.pi)
    ramp = np.hypot(rows - 0.4, columns - 0.5) if seed % 3 == 0 else np.cos(angle) * columns + np.sin(angle) * rows
    return np.asarray(np.interp(ramp, (ramp.min(), ramp.max()), (0, 255)), dtype=np.uint8)


def phantom(random: np.random.Generator, seed: int) -> Pixels:
    """Our own synthetic ultrasound, which has to be kept."""
    return speckle(seed, (None, "oval", "irregular")[seed % 3])


if __name__ == "__main__":
    main()
