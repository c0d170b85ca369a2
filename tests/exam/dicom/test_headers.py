"""DICOM headers that contradict their pixels, claim the impossible, or break off."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from tests.exam.dicom.test_refusals import GREY, WHOLE, highest_mb
from tests.exam.marks import exam
from tests.exam.senders.person import assert_refused
from tests.exam.twins import finished
from tests.factories import pictures
from tests.factories.server import Server

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]


def with_long(tag: bytes, value: int) -> bytes:
    """Rows or Columns as UL, four bytes, where the standard has two."""
    at = WHOLE.index(tag + b"US")
    return WHOLE[:at] + tag + b"UL\x04\x00" + struct.pack("<I", value) + WHOLE[at + 10 :]


ROWS, COLUMNS = b"\x28\x00\x10\x00", b"\x28\x00\x11\x00"
CONTRADICTIONS = {
    "Rows as UL, 2^31 - 1": with_long(ROWS, 2**31 - 1),
    "Columns as UL": with_long(COLUMNS, 180),
    "12 bits allocated": pictures.dicom(GREY, BitsAllocated=12, BitsStored=12, HighBit=11),
    "16 bits said, 8 sent": pictures.dicom(GREY, BitsAllocated=16, BitsStored=16, HighBit=15),
    "32 bits": pictures.dicom(GREY, BitsAllocated=32, BitsStored=32, HighBit=31),
    "17 of 16 bits stored": pictures.dicom(GREY.astype(np.uint16), BitsStored=17),
    "twice the rows": pictures.dicom(GREY, Rows=300),
    "3 samples said, 1 sent": pictures.dicom(GREY, SamplesPerPixel=3, PhotometricInterpretation="RGB"),
    "no rows": pictures.dicom(GREY, Rows=None),
    "pixels cut": WHOLE[:-2000],
    "pixels longer than the file": WHOLE.replace(struct.pack("<I", GREY.size), struct.pack("<I", 0x7FFFFFF0)),
    "an RLE header that points outside": pictures.dicom(
        GREY, RLELossless, body=encapsulate([struct.pack("<16I", 1, 0x7FFFFFFF, *[0] * 14)])
    ),
    "a JPEG of another size": pictures.dicom(
        GREY, JPEGBaseline8Bit, body=encapsulate([pictures.encoded(GREY[:120], "JPEG")])
    ),
}


@exam("B43", given="Headers that contradict their pixels: types, bits, lengths, sizes", expected="422 `bad_dicom`")
@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_header_that_does_not_fit_is_refused(server: Server, untouched: Untouched, seen: Seen, name: str) -> None:
    with untouched():
        seen(f"{name}: {assert_refused(server, CONTRADICTIONS[name], 422, 'bad_dicom', 'scan.dcm')}")


@exam("B43", given="Rows and Columns of 65 535", expected="413 `too_many_pixels`, from the header; no large allocation")
@pytest.mark.parametrize("tags", [{}, {"NumberOfFrames": 1000}, {"BitsAllocated": 16, "BitsStored": 16}])
def test_a_gigantic_size_is_refused_from_the_header(
    server: Server, untouched: Untouched, seen: Seen, tags: dict[str, int]
) -> None:
    content = pictures.dicom(GREY, Rows=65_535, Columns=65_535, **tags)
    before = highest_mb(server)
    with untouched():
        seen(assert_refused(server, content, 413, "too_many_pixels", "scan.dcm"))
    assert highest_mb(server) - before < 100


def nested(depth: int, tag: bytes = b"\x08\x00\x15\x11") -> bytes:
    """A sequence in a sequence in a sequence, none of them ever closed."""
    item = tag + b"SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    at = WHOLE.index(b"\x08\x00\x60\x00CS")
    return WHOLE[:at] + item * depth + WHOLE[at:]


BROKEN = {
    "10 000 sequences in each other": nested(10_000),
    "10 000 ultrasound regions in each other": nested(10_000, b"\x18\x00\x11\x60"),
    "a meta header of other bytes": WHOLE[:132] + b"\xff" * 28 + WHOLE[160:],
}
CLAIMS_4_GIB = WHOLE[:140] + b"\xff\xff\xff\xff" + WHOLE[144:158] + b"\xff\xff" + WHOLE[160:]
MOST_S = 2.0


@exam("B45", given="A meta header that claims 4 GiB", expected="Read by its elements")
def test_a_meta_header_that_claims_too_much_is_read_by_its_elements(server: Server, seen: Seen) -> None:
    image = finished(server, CLAIMS_4_GIB, "scan.dcm")  # its decoder may take no such memory
    assert image["status"] == "done"
    seen("read")


@exam("B45", given="Sequences 10 000 deep; broken meta headers", expected="422 within two seconds")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_structure_is_refused_in_time(server: Server, untouched: Untouched, seen: Seen, name: str) -> None:
    server.upload(WHOLE)  # the decoder is awake: its start is not what is measured
    with untouched():
        began = time.monotonic()
        status, answer = server.upload(BROKEN[name], "scan.dcm")
        seconds = time.monotonic() - began
        assert (status, answer["code"]) in ((422, "bad_dicom"), (422, "no_image_inside"))
        assert_refused(server, BROKEN[name], 422, answer["code"], "scan.dcm")
    assert seconds < MOST_S * 3  # thrice, for a machine that has other work
    seen(f"{name}: {status} {answer['code']} in {seconds * 1000:.0f} ms")
