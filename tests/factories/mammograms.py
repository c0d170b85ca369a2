"""Made-up mammograms, and small data sets of them in the layouts that training reads."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

SIDE = 128
LABELS = ("benign", "malignant", "normal")


def mammogram(seed: int, is_wall_right: bool = False, height: int = SIDE, width: int = SIDE) -> dict[str, np.ndarray]:
    """An oblique view, chest wall left: uint8 `pixels`, where breast, pectoral muscle, mass and label are (bool)."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    breast = ((rows - height * 0.55) / (height * 0.42)) ** 2 + (columns / (width * 0.62)) ** 2 < 1
    pectoral = (rows / (height * 0.45) + columns / (width * 0.22) < 1) & (rows >= height * 0.02)
    mass = (rows - height * 0.6) ** 2 + (columns - width * 0.3) ** 2 < (height * 0.08) ** 2
    label = (rows < height * 0.12) & (rows > 2) & (columns > width * 0.8) & (columns < width - 3)
    pixels = random.normal(4, 2, (height, width))
    pixels[breast] = random.normal(90, 8, int(breast.sum()))
    pixels[pectoral] = random.normal(200, 6, int(pectoral.sum()))
    pixels[mass] = random.normal(150, 6, int(mass.sum()))
    pixels[label] = 255
    drawn = {"breast": breast & ~pectoral, "pectoral": pectoral, "mass": mass, "label": label}
    drawn["pixels"] = pixels.clip(0, 255).astype(np.uint8)
    return {name: part[:, ::-1].copy() for name, part in drawn.items()} if is_wall_right else drawn


def write_mias(folder: Path, patients: int = 15) -> Path:
    """The compact layout: two breasts a patient, the second normal; the first finding of patient 1 marked twice."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for patient in range(1, patients + 1):
        for number, severity in ((2 * patient - 1, LABELS[patient % 3]), (2 * patient, "normal")):
            name = f"mdb{number:03d}"
            Image.fromarray(mammogram(number, number % 2 == 1)["pixels"]).save(
                folder / "images" / f"{name}.webp", lossless=True
            )
            row = {
                "id": name, "tissue": "fatty", "abnormality": "NORM", "severity": severity,
                "x": "", "y": "", "radius": "", "side": "right", "patient": patient,
            }  # fmt: skip
            if severity != "normal":
                row |= {"abnormality": "CIRC", "x": 256, "y": 768, "radius": 80}
            rows.append(row)
    marked = next(row for row in rows if row["severity"] == "benign")
    rows.append(marked | {"severity": "malignant", "x": 900, "y": 100, "radius": 40})
    _write(folder / "index.csv", rows)
    return folder


def write_cbis(folder: Path, patients: int = 12) -> Path:
    """The official layout: four tables, series folders whose files are not named as the tables say."""
    tables: dict[str, list[dict[str, object]]] = {}
    for patient in range(1, patients + 1):
        kind, part = ("mass", "calc")[patient % 2], "test" if patient % 4 == 0 else "train"
        name = f"{kind.title()}-{'Training' if part == 'train' else 'Test'}_P_{patient:05d}_LEFT_MLO"
        drawn = mammogram(patient, height=160, width=120)
        write_dicom(folder / "CBIS-DDSM" / name / "series" / "1-1.dcm", drawn["pixels"].astype(np.uint16) * 257)
        ground, crop = drawn["mass"].astype(np.uint8) * 255, drawn["pixels"][80:110, 20:50]
        pair = (crop, ground) if patient % 3 else (ground, crop)  # which of the two comes first is not told
        for number, pixels in enumerate(pair, 1):
            write_dicom(folder / "CBIS-DDSM" / f"{name}_1" / "series" / f"1-{number}.dcm", pixels)
        tables.setdefault(f"{kind}_case_description_{part}_set.csv", []).append({
            "patient_id": f"P_{patient:05d}", "image view": "MLO", "abnormality type": kind, "assessment": 4,
            "pathology": ("MALIGNANT", "BENIGN", "BENIGN_WITHOUT_CALLBACK")[patient // 2 % 3],
            "image file path": f"{name}/1.3.6/1.3.6.1/000000.dcm",
            "cropped image file path": f"{name}_1/1.3.6/1.3.6.2/000000.dcm",
            "ROI mask file path": f"{name}_1/1.3.6/1.3.6.2/000001.dcm\n",
        })  # fmt: skip
    for file, rows in tables.items():
        _write(folder / file, rows)
    return folder


def write_dicom(path: Path, pixels: np.ndarray, photometric: str = "MONOCHROME2") -> None:
    """A grey DICOM file of uint8 or uint16 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, photometric, 0
    file.BitsAllocated = file.BitsStored = 8 * pixels.itemsize
    file.HighBit = file.BitsStored - 1
    file.PixelData = pixels.tobytes()
    pydicom.dcmwrite(path, file, enforce_file_format=True)


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
