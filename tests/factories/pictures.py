"""Synthetic files of every kind that the decoder reads or refuses. All of it is made here; no patient is in it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from imaging.phantom import speckle

Pixels = NDArray[np.uint8]
ULTRASOUND_CLASS = "1.2.840.10008.5.1.4.1.1.6.1"
MULTI_FRAME_CLASS = "1.2.840.10008.5.1.4.1.1.3.1"


def ultrasound(seed: int = 3, lesion: str | None = "oval", height: int = 150, width: int = 180) -> Pixels:
    """A small synthetic ultrasound picture, uint8 `height x width`."""
    return speckle(seed, lesion, height, width)


def encoded(pixels: NDArray[Any] | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Pixels as the bytes of a file: PNG, JPEG, WEBP, BMP, TIFF or GIF."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()


def colour(pixels: Pixels) -> Pixels:
    """Grey pixels as red green blue with the same values."""
    return np.repeat(pixels[:, :, None], 3, axis=2)


def dicom(
    pixels: NDArray[Any],
    transfer_syntax: str = ExplicitVRLittleEndian,
    interpretation: str | None = None,
    body: bytes | None = None,
    **tags: Any,
) -> bytes:
    """Pixels as a DICOM ultrasound file.

    Args:
        pixels: `H x W`, `H x W x 3`, or with `NumberOfFrames` `F x H x W`; 8 or 16 bits, signed or not.
        body: pixel data in place of the pixels' own bytes (compressed, damaged).
        tags: further attributes, or others in place of the usual ones; None removes one.
    """
    is_colour = pixels.ndim >= 3 and pixels.shape[-1] == 3
    dataset = _dataset(transfer_syntax)
    rows, columns = pixels.shape[-3:-1] if is_colour else pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    values = {
        "Modality": "US", "Rows": rows, "Columns": columns, "SamplesPerPixel": 3 if is_colour else 1,
        "PhotometricInterpretation": interpretation or ("RGB" if is_colour else "MONOCHROME2"),
        "BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1,
        "PixelRepresentation": int(np.issubdtype(pixels.dtype, np.signedinteger)),
    }  # fmt: skip
    if is_colour:
        values["PlanarConfiguration"] = 0
    content = pixels.tobytes() if body is None else body
    values["PixelData"] = content + b"\0" * (len(content) % 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in (values | tags).items():
            if value is not None:
                setattr(dataset, name, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW" if bits == 16 else "OB"
    return written(dataset)


def written(dataset: FileDataset) -> bytes:
    """A data set as the bytes of a file, broken ones too: what a standard-conforming writer warns about is meant."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def region(left: int, top: int, right: int, bottom: int, centimetres: float | None = 0.007, kind: int = 1) -> Dataset:
    """One item of the Sequence of Ultrasound Regions; corners are inclusive, as in the standard."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = kind, 1
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right, bottom
    if centimetres is not None:
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX = item.PhysicalDeltaY = centimetres
    return item


def text_page(height: int = 400, width: int = 500) -> Pixels:
    """Black print on white paper."""
    page = Image.new("L", (width, height), 250)
    _print_lines(ImageDraw.Draw(page), range(20, height - 20, 18), width, 20)
    return np.asarray(page)


def screenshot(pixels: Pixels, name: str = "DOE, JANE  12-11-2026  10:33") -> Pixels:
    """A picture as a scanner's screen shows it: on black, with a line of text above it and one below."""
    height, width = pixels.shape
    screen = Image.new("L", (width + 160, height + 80), 0)
    screen.paste(Image.fromarray(pixels), (80, 40))
    draw, font = ImageDraw.Draw(screen), ImageFont.load_default(size=14)
    draw.text((10, 10), name, font=font, fill=230)
    draw.text((10, height + 50), "L12-4  MI 1.1  TIS 0.3", font=font, fill=200)
    return np.asarray(screen)


def photo(seed: int = 1, height: int = 300, width: int = 400) -> Pixels:
    """A colour scene with round things, edges in every direction and soft light: uint8 `H x W x 3`."""
    random = np.random.default_rng(seed)
    scene = Image.new("RGB", (width, height), (120, 170, 220))
    draw = ImageDraw.Draw(scene)
    for _ in range(60):
        x, y, size = random.integers(width), random.integers(height), random.integers(10, 80)
        draw.ellipse((x, y, x + size, y + size), fill=tuple(int(value) for value in random.integers(0, 256, 3)))
    light = np.linspace(0.6, 1.0, width)[None, :, None] * np.asarray(scene, dtype=np.float64)
    return np.clip(light + random.normal(0, 3, light.shape), 0, 255).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, with next to no pixels behind it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, body) for name, body in chunks)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _print_lines(draw: ImageDraw.ImageDraw, tops: range, width: int, ink: int) -> None:
    font = ImageFont.load_default(size=13)
    for top in tops:
        draw.text((20, top), "the report of the examination says what was seen" * 2, font=font, fill=ink)


def _dataset(transfer_syntax: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ULTRASOUND_CLASS
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = transfer_syntax
    dataset = FileDataset("synthetic", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = ULTRASOUND_CLASS
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = "DOE^JANE", "CANARY-4711"
    return dataset
