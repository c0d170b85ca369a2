"""Small made-up data sets in the layouts that training reads: the same folders and files, our own speckle."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

GRAIN = 3  # px
SIDE = 96 * GRAIN  # room for a part of 110 px below every lesion


def speckle(seed: int, has_lesion: bool) -> tuple[np.ndarray, np.ndarray]:
    """uint8 `SIDE x SIDE` picture and mask (0 or 255)."""
    random = np.random.default_rng(seed)
    pixels = random.rayleigh(60, (SIDE // GRAIN, SIDE // GRAIN)).clip(0, 255)
    mask = np.zeros_like(pixels, dtype=np.uint8)
    if has_lesion:
        top, left = random.integers(8, 26, 2)
        mask[top : top + 28, left : left + 36] = 255
        pixels[mask > 0] *= 0.25
    grain = np.ones((GRAIN, GRAIN), dtype=np.uint8)
    return np.kron(pixels.astype(np.uint8), grain), np.kron(mask, grain)


def write_published_busi(folder: Path, per_class: int = 5) -> Path:
    """The folders of the published archive, with a second mask and two mirrored copies of benign pictures.

    One copy is benign too; the other, of the second picture, is called malignant.
    """
    root = folder / "Dataset_BUSI_with_GT"
    for offset, label in enumerate(("benign", "malignant", "normal")):
        (root / label).mkdir(parents=True)
        for number in range(1, per_class + 1):
            pixels, mask = speckle(1000 * offset + number, label != "normal")
            Image.fromarray(pixels).save(root / label / f"{label} ({number}).png")
            Image.fromarray(mask).save(root / label / f"{label} ({number})_mask.png")
    second = np.zeros((SIDE, SIDE), dtype=np.uint8)
    second[240:270, 240:270] = 255
    Image.fromarray(second).save(root / "benign" / "benign (1)_mask_1.png")
    for number, label in ((1, "benign"), (2, "malignant")):
        pixels, mask = speckle(number, True)
        Image.fromarray(pixels[:, ::-1].copy()).save(root / label / f"{label} ({per_class + 1}).png")
        Image.fromarray(mask[:, ::-1].copy()).save(root / label / f"{label} ({per_class + 1})_mask.png")
    return folder


def write_published_busbra(folder: Path, cases: int = 10) -> Path:
    """`bus_data.csv`, `5-fold-cv.csv`, `Images`, `Masks` as published."""
    (folder / "Images").mkdir(parents=True)
    (folder / "Masks").mkdir()
    rows, folds = [], []
    for case in range(1, cases + 1):
        for side in "lr":
            name = f"bus_{case:04d}-{side}"
            pixels, mask = speckle(case * 10 + (side == "l"), True)
            Image.fromarray(pixels).save(folder / "Images" / f"{name}.png")
            Image.fromarray(mask).save(folder / "Masks" / f"{name.replace('bus', 'mask')}.png")
            pathology = "malignant" if case % 2 else "benign"
            rows.append({
                "ID": name, "Case": case, "Histology": "unknown", "Pathology": pathology, "BIRADS": 4,
                "Device": "made-up scanner", "Side": "left" if side == "l" else "right",
            })  # fmt: skip
            folds.append({"ID": name, "kFold": case % 5 + 1})
    _write(folder / "bus_data.csv", rows)
    _write(folder / "5-fold-cv.csv", folds)
    return folder


def write_breast(folder: Path, patients: int = 30) -> Path:
    """The compact layout of BrEaST: a row and a picture a patient, every tenth of them without a lesion."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for number in range(patients):
        label = "normal" if number % 10 == 9 else ("benign", "malignant")[number % 2]
        pixels, mask = speckle(5000 + number, label != "normal")
        name = f"case{number:03d}"
        Image.fromarray(pixels).save(folder / "images" / f"{name}.webp", lossless=True)
        if label != "normal":
            Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
        rows.append({
            "id": name, "label": label, "mask": "no" if label == "normal" else "yes", "patient": name,
            "birads": {"benign": "3", "malignant": "5", "normal": "1"}[label], "pixel_size_cm": 0.01,
            "width": 2 * SIDE, "stored_width": SIDE, **_described(label),
        })  # fmt: skip
    _write(folder / "index.csv", rows)
    return folder


def _described(label: str) -> dict[str, object]:
    """What radiologists would say of it."""
    if label == "normal":
        return dict.fromkeys(("shape", "margin", "echogenicity", "posterior", "calcifications"), "not applicable")
    is_benign = label == "benign"
    return {
        "shape": "oval" if is_benign else "irregular",
        "margin": "circumscribed" if is_benign else "not circumscribed - spiculated&indistinct",
        "echogenicity": "hypoechoic",
        "posterior": "enhancement" if is_benign else "shadowing",
        "calcifications": "no" if is_benign else "in a mass",
    }


def write_all(folder: Path) -> Path:
    """All ultrasound sets side by side, as `--data` expects them."""
    write_published_busi(folder / "busi", per_class=6)
    write_published_busbra(folder / "busbra")
    write_breast(folder / "breast")
    return folder


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
