"""One picture in the many ways in which DICOM can store it: each must be read as its PNG twin is."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from tests.exam.marks import exam
from tests.exam.twins import Reading, assert_same, finished, read
from tests.factories import pictures
from tests.factories.server import Server

Pixels = NDArray[np.uint8]
GREY = pictures.ultrasound(3, "irregular", 320, 400)
# Slightly warm, as scanners tint their pictures: far from colour, and no channel is another's copy.
TINTED = np.clip(pictures.colour(GREY).astype(int) + np.array([9, 0, -9]), 0, 255).astype(np.uint8)
DEEP = GREY.astype(np.uint16) * 257
READ_ALIKE = "Read; the same lesion and the same probabilities as the picture's PNG"


@pytest.fixture(scope="module")
def grey(server: Server) -> Reading:
    return read(server, pictures.encoded(GREY))


@pytest.fixture(scope="module")
def tinted(server: Server) -> Reading:
    return read(server, pictures.encoded(TINTED))


def run_length_encoded(content: bytes, **tags: int) -> bytes:
    """RLE keeps planes apart whatever PlanarConfiguration says; files exist with either."""
    dataset = dcmread(io.BytesIO(content))
    dataset.compress(RLELossless, generate_instance_uid=False)
    for name, value in tags.items():
        setattr(dataset, name, value)
    return pictures.written(dataset)


def planes(pixels: Pixels) -> bytes:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()


def luma_and_chroma(rgb: Pixels) -> Pixels:
    """YBR_FULL of PS3.3 C.7.6.3.1.2: ITU-R BT.601, full range."""
    weights = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.clip(np.rint(rgb @ weights.T + np.array([0, 128, 128])), 0, 255).astype(np.uint8)


def halved(ybr: Pixels) -> bytes:
    """YBR_FULL_422: two luma values, then the chroma that both share."""
    pairs = np.stack([ybr[:, ::2, 0], ybr[:, 1::2, 0], ybr[:, ::2, 1], ybr[:, ::2, 2]], axis=-1)
    return np.ascontiguousarray(pairs).tobytes()


def palette(red: NDArray[Any], bits: int = 16, first: int = 0, **others: NDArray[Any]) -> dict[str, Any]:
    """The same table for every channel, unless `green` or `blue` is given."""
    tags: dict[str, Any] = {"interpretation": "PALETTE COLOR"}
    for name, values in {"Red": red, "Green": others.get("green", red), "Blue": others.get("blue", red)}.items():
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [len(values), first, bits]
        tags[f"{name}PaletteColorLookupTableData"] = values.astype("<u2" if bits == 16 else "u1").tobytes()
    return tags


PLAIN = {"explicit VR": pictures.dicom(GREY), "implicit VR": pictures.dicom(GREY, ImplicitVRLittleEndian)}


@exam("B37", given="DICOM ultrasound, 8 bits, uncompressed, explicit and implicit VR", expected=READ_ALIKE)
@pytest.mark.parametrize("name", PLAIN)
def test_plain_dicom_is_read(server: Server, grey: Reading, seen: Callable[[str], None], name: str) -> None:
    found = read(server, PLAIN[name], "scan.dcm")
    size = {"height": 320, "width": 400}
    told = {"kind": "dicom", "frame": 0, "frames": 1, "offset": {"top": 0, "left": 0}, "part": size, "file": size}
    assert found.image["picture"] == told | size
    seen(f"{name}: {assert_same(grey, found, 0.0, 1.0)}")


CINE = np.stack([GREY if index == 250 else np.roll(GREY, index, axis=0) for index in range(500)])[:, ::2, ::2]


@exam(
    "B38", given="A clip of 1 and of 500 frames", expected="The middle frame is read, or the asked one; the page says"
)
@pytest.mark.parametrize("frames", [1, 500])
def test_the_middle_frame_of_a_clip_is_read(server: Server, seen: Callable[[str], None], frames: int) -> None:
    clip = CINE if frames == 500 else CINE[250:251]
    found = read(server, pictures.dicom(clip, NumberOfFrames=frames), "clip.dcm")
    assert (found.image["picture"]["frame"], found.image["picture"]["frames"]) == (frames // 2, frames)
    said = [notice for notice in found.image["notices"] if notice.startswith("Frame 251 of 500 was read")]
    assert len(said) == (1 if frames == 500 else 0)
    seen(f"{frames} frames: {assert_same(read(server, pictures.encoded(CINE[250])), found, 0.0, 1.0)}")


JPEGS = {"grey": (GREY, 1), "grey, 3 frames": (GREY, 3), "colour": (TINTED, 1)}


@exam("B39", given="DICOM with JPEG baseline, grey and colour, 1 and 3 frames", expected=READ_ALIKE)
@pytest.mark.parametrize("name", JPEGS)
def test_jpeg_baseline_is_read(server: Server, seen: Callable[[str], None], name: str) -> None:
    pixels, frames = JPEGS[name]
    jpeg = pictures.encoded(pixels, "JPEG", quality=95)
    tags = {"interpretation": "YBR_FULL_422"} if pixels.ndim == 3 else {}
    content = pictures.dicom(
        pixels,
        JPEGBaseline8Bit,
        body=encapsulate([jpeg] * frames),
        NumberOfFrames=frames if frames > 1 else None,
        **tags,
    )
    seen(f"{name}: {assert_same(read(server, jpeg), read(server, content), 0.0, 1.0)}")


COLOURED = {
    "RGB, by pixel": pictures.dicom(TINTED),
    "RGB, by plane": pictures.dicom(TINTED, body=planes(TINTED), PlanarConfiguration=1),
    "YBR_FULL, by pixel": pictures.dicom(luma_and_chroma(TINTED), interpretation="YBR_FULL"),
    "YBR_FULL, by plane": pictures.dicom(
        TINTED, interpretation="YBR_FULL", body=planes(luma_and_chroma(TINTED)), PlanarConfiguration=1
    ),
    "YBR_FULL_422": pictures.dicom(TINTED, interpretation="YBR_FULL_422", body=halved(luma_and_chroma(TINTED))),
    "RLE, RGB, by pixel": run_length_encoded(pictures.dicom(TINTED)),
    "RLE, RGB, said to lie by plane": run_length_encoded(pictures.dicom(TINTED), PlanarConfiguration=1),
    "RLE, YBR_FULL": run_length_encoded(pictures.dicom(luma_and_chroma(TINTED), interpretation="YBR_FULL")),
}


@exam("B40", given="Colours by pixel or by plane, RGB, YBR_FULL and YBR_FULL_422, plain and RLE", expected=READ_ALIKE)
@pytest.mark.parametrize("name", COLOURED)
def test_colours_are_read_however_they_lie(
    server: Server, tinted: Reading, seen: Callable[[str], None], name: str
) -> None:
    seen(f"{name}: {assert_same(tinted, read(server, COLOURED[name]))}")


@exam("B40", given="RLE in grey, 8 and 16 bits", expected=READ_ALIKE)
@pytest.mark.parametrize("bits", [8, 16])
def test_run_lengths_are_read(server: Server, grey: Reading, seen: Callable[[str], None], bits: int) -> None:
    content = run_length_encoded(pictures.dicom(GREY if bits == 8 else DEEP))
    seen(f"RLE, {bits} bits: {assert_same(grey, read(server, content), 0.0, 1.0)}")


STEPS = np.arange(256)
PALETTES: dict[str, tuple[Pixels, dict[str, Any]]] = {
    "16 bits": (GREY, palette(STEPS * 257)),
    "8 bits": (GREY, palette(STEPS, bits=8)),
    "turned round": (255 - GREY, palette((255 - STEPS) * 257)),
    "from index 40 on": (GREY // 2 + 40, palette(np.arange(128) * 2 * 257, first=40)),
    "64 entries": (GREY // 4, palette(np.arange(64) * 4 * 257)),
    "64 entries, larger indices": (GREY, palette(np.arange(64) * 257)),
}
MEANT: dict[str, Pixels] = {
    "from index 40 on": GREY // 2 * 2,
    "64 entries": GREY // 4 * 4,
    "64 entries, larger indices": np.minimum(GREY, 63),
}


@exam("B41", given="PALETTE COLOR: tables of 8 and 16 bits, short ones, indices beyond them", expected=READ_ALIKE)
@pytest.mark.parametrize("name", PALETTES)
def test_palettes_are_looked_up(server: Server, seen: Callable[[str], None], name: str) -> None:
    indices, tags = PALETTES[name]
    twin = pictures.encoded(MEANT.get(name, GREY))
    seen(f"{name}: {alike(server, twin, pictures.dicom(indices, **tags))}")


def alike(server: Server, twin: bytes, content: bytes) -> str:
    """Every figure the same, for the pixels are; a picture that its table leaves too dark may be declined, twice."""
    one, other = finished(server, twin), finished(server, content)
    for name in ("status", "reason", "probabilities", "category", "lesion"):
        assert one[name] == other[name], name
    return f"{one['status']}, every figure the same"


META_END, IMPLICIT_META_END = (
    132 + 12 + struct.unpack_from("<I", PLAIN[kind], 140)[0] for kind in ("explicit VR", "implicit VR")
)
TOLERATED = {
    "no preamble": PLAIN["explicit VR"][132:],
    "no preamble, implicit VR": PLAIN["implicit VR"][132:],
    "no meta group": PLAIN["explicit VR"][META_END:],
    "no meta group behind the preamble": PLAIN["explicit VR"][:132] + PLAIN["explicit VR"][META_END:],
    "no meta group, implicit VR": PLAIN["implicit VR"][IMPLICIT_META_END:],
    "5 frames said, 1 sent": pictures.dicom(GREY, NumberOfFrames=5),
    "a window without width": pictures.dicom(GREY, WindowCenter="0", WindowWidth="0"),
    "a window that is none": pictures.dicom(GREY, WindowCenter="12345678", WindowWidth="1").replace(
        b"12345678", b"N/A     "
    ),
    "a region of one pixel": pictures.dicom(
        GREY, SequenceOfUltrasoundRegions=Sequence([pictures.region(0, 0, 0, 0, None)])
    ),
}


@exam("B45", given="No preamble, no meta group, unusable windows and regions, too few frames", expected=READ_ALIKE)
@pytest.mark.parametrize("name", TOLERATED)
def test_what_is_missing_or_unusable_and_optional_is_no_reason_to_refuse(
    server: Server, grey: Reading, seen: Callable[[str], None], name: str
) -> None:
    found = read(server, TOLERATED[name], "scan.dcm")
    assert found.image["notices"]
    seen(f"{name}: {assert_same(grey, found, 0.0, 1.0)}")


WINDOW = {"WindowCenter": "128", "WindowWidth": "256"}
INVERTED_JPEG = encapsulate([pictures.encoded(255 - GREY, "JPEG", quality=97)])
SHADES: dict[str, bytes] = {
    "16 bits": pictures.dicom(DEEP),
    "16 bits, big endian": pictures.dicom(DEEP, ExplicitVRBigEndian, body=DEEP.astype(">u2").tobytes()),
    "12 of 16 bits": pictures.dicom(GREY.astype(np.uint16) << 4, BitsStored=12, HighBit=11),
    "MONOCHROME1": pictures.dicom(255 - GREY, interpretation="MONOCHROME1"),
    "MONOCHROME1, 16 bits": pictures.dicom(65535 - DEEP, interpretation="MONOCHROME1"),
    "MONOCHROME1, RLE": run_length_encoded(pictures.dicom(255 - GREY, interpretation="MONOCHROME1")),
    "MONOCHROME1, JPEG": pictures.dicom(GREY, JPEGBaseline8Bit, interpretation="MONOCHROME1", body=INVERTED_JPEG),
    "signed, 8 bits": pictures.dicom((GREY.astype(np.int16) - 128).astype(np.int8)),
    "signed, 16 bits": pictures.dicom(((GREY.astype(np.int32) - 128) << 8).astype(np.int16)),
    "a window": pictures.dicom(GREY, **WINDOW),
    "a window on 16 bits": pictures.dicom(GREY.astype(np.uint16) + 1000, RescaleIntercept="-1000", **WINDOW),
    "a window on signed values": pictures.dicom(
        GREY.astype(np.int16) - 300, RescaleSlope="1", RescaleIntercept="300", **WINDOW
    ),
    "a window on MONOCHROME1": pictures.dicom(255 - GREY, interpretation="MONOCHROME1", **WINDOW),
    "two windows": pictures.dicom(GREY, WindowCenter=["128", "40"], WindowWidth=["256", "80"]),
}


@exam("B42", given="MONOCHROME1, windows, signed values, 12 and 16 bits", expected=READ_ALIKE)
@pytest.mark.parametrize("name", SHADES)
def test_shades_are_read_as_they_are_meant(
    server: Server, grey: Reading, seen: Callable[[str], None], name: str
) -> None:
    seen(f"{name}: {assert_same(grey, read(server, SHADES[name]))}")
