"""DICOM files that are refused: by name where they are whole, from the header where they claim the impossible."""

from __future__ import annotations

import http.client
import io
import json
import struct
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, closing

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    JPIPHTJ2KReferenced,
)

from tests.exam.dicom.test_twins import palette
from tests.exam.footprint import children, memory_kb, worker_of
from tests.exam.marks import exam
from tests.exam.pictures.test_disguised import archive
from tests.exam.senders.person import BOUNDARY, assert_refused, multipart
from tests.factories import pictures
from tests.factories.server import Server

Untouched = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str], None]
GREY = pictures.ultrasound()
WHOLE = pictures.dicom(GREY)
CAP = "3000"


@exam(
    "B38", given="A clip that says it has 30 000 frames", expected="413 `too_many_frames`; the sentence names the cap"
)
def test_a_clip_of_too_many_frames_is_refused(server: Server, untouched: Untouched, seen: Seen) -> None:
    content = pictures.dicom(GREY, NumberOfFrames=30_000)
    with untouched():
        seen(assert_refused(server, content, 413, "too_many_frames", "clip.dcm"))
    assert CAP in server.upload(content)[1]["message"]


CODECS = {"JPIP": JPIPHTJ2KReferenced, "film": MPEG4HP41}


@exam("B39", given="DICOM with JPIP or a film", expected="415 `transfer_syntax`, with its name and a way out")
@pytest.mark.parametrize("name", CODECS)
def test_a_codec_that_is_not_read_is_named(server: Server, untouched: Untouched, seen: Seen, name: str) -> None:
    content = pictures.dicom(GREY, CODECS[name], body=encapsulate([b"\xff\xd8 of another kind"]))
    with untouched():
        seen(f"{name}: {assert_refused(server, content, 415, 'transfer_syntax', 'scan.dcm')}")
    assert name in server.upload(content)[1]["message"]


LUT = np.arange(256) * 257
WRONG_PALETTES = {
    "no table": {"interpretation": "PALETTE COLOR"},
    "a table of two bytes": {**palette(LUT), "RedPaletteColorLookupTableData": b"\0\1"},
    "a descriptor of 65 536 entries": {**palette(LUT), "BluePaletteColorLookupTableDescriptor": [0, 0, 16]},
    "a descriptor without values": {**palette(LUT), "GreenPaletteColorLookupTableDescriptor": None},
    "entries of 3 bits": {**palette(LUT), "RedPaletteColorLookupTableDescriptor": [256, 0, 3]},
}


@exam("B41", given="Palettes that are missing, cut or claim too much", expected="422 `bad_dicom`; no crash")
@pytest.mark.parametrize("name", WRONG_PALETTES)
def test_a_palette_that_does_not_hold_together_is_refused(
    server: Server, untouched: Untouched, seen: Seen, name: str
) -> None:
    content = pictures.dicom(GREY, **WRONG_PALETTES[name])
    with untouched():
        seen(f"{name}: {assert_refused(server, content, 422, 'bad_dicom', 'scan.dcm')}")


def highest_mb(server: Server) -> float:
    """Most memory that the worker and its decoders ever had, in MiB."""
    worker = worker_of(server)
    return max(memory_kb(process, "VmHWM") for process in (worker, *children(worker))) / 1024


REPORT_CLASS, PDF_CLASS = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.104.1"
DOCUMENTS = {
    "without PixelData": pictures.dicom(GREY, PixelData=None),
    "a structured report": pictures.dicom(GREY, PixelData=None, Modality="SR", SOPClassUID=REPORT_CLASS),
    "a PDF inside": pictures.dicom(
        GREY, PixelData=None, Modality="DOC", SOPClassUID=PDF_CLASS, EncapsulatedDocument=b"%PDF-1.7\n" + b"\0" * 999
    ),
}


@exam("B44", given="DICOM without pixels: a report, a PDF, an empty object", expected="422 `no_image_inside`")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_refused(server: Server, untouched: Untouched, seen: Seen, name: str) -> None:
    with untouched():
        seen(f"{name}: {assert_refused(server, DOCUMENTS[name], 422, 'no_image_inside', 'report.dcm')}")


def deflated_bomb(megabytes: int) -> bytes:
    """A deflated data set that inflates to so many megabytes of zeros."""
    head = pictures.dicom(GREY, DeflatedExplicitVRLittleEndian)
    end = 132 + 12 + struct.unpack_from("<I", head, 140)[0]
    packer, body = zlib.compressobj(wbits=-15), io.BytesIO()
    for _ in range(megabytes):
        body.write(packer.compress(bytes(1_000_000)))
    return head[:end] + body.getvalue() + packer.flush()


@exam("B46", given="A deflated DICOM of 500 KB that inflates to 512 MB", expected="413 `too_many_pixels`, never kept")
def test_a_deflated_bomb_is_never_inflated(server: Server, untouched: Untouched, seen: Seen) -> None:
    content = deflated_bomb(512)
    before = highest_mb(server)
    with untouched():
        figures = assert_refused(server, content, 413, "too_many_pixels", "scan.dcm")
    assert highest_mb(server) - before < 100
    seen(f"{len(content) / 1e3:.0f} KB: {figures}, memory +{highest_mb(server) - before:.0f} MiB")


@exam("B46", given="A DICOMDIR index", expected="415 `dicom_directory`")
def test_an_index_is_refused(server: Server, untouched: Untouched, seen: Seen) -> None:
    content = WHOLE.replace(b"1.2.840.10008.5.1.4.1.1.6.1\0", b"1.2.840.10008.1.3.10\0" + b"\0" * 7)
    with untouched():
        seen(assert_refused(server, content, 415, "dicom_directory", "DICOMDIR"))


IMPOSTORS = {
    "a text": b"not a DICOM file at all\n" * 20,
    "four letters": b"DICM",
    "zeros": bytes(4000),
    "a ZIP": archive(("readme.txt", b"words")),
    "a PDF": b"%PDF-1.7\n" + bytes(400),
}


@exam("B49", given="Other things under the name and type of DICOM", expected="415 `not_an_image`; never 5xx")
@pytest.mark.parametrize("name", IMPOSTORS)
def test_what_only_says_that_it_is_dicom_is_refused(
    server: Server, untouched: Untouched, seen: Seen, name: str
) -> None:
    with untouched():
        seen(f"{name}: {assert_refused(server, IMPOSTORS[name], 415, 'not_an_image', 'scan.dcm')}")
        status, answer = send_as_dicom(server, IMPOSTORS[name])
        bare = ask(server, IMPOSTORS[name], "application/dicom")
    assert (status, answer["code"]) == (415, "not_an_image")
    assert (bare[0], bare[1]["code"]) == (400, "no_file")


def send_as_dicom(server: Server, content: bytes) -> tuple[int, dict[str, str]]:
    """Status and JSON of an upload whose part says `application/dicom`."""
    body = multipart([("file", "scan.dcm", content)]).replace(
        b"\r\n\r\n", b"\r\nContent-Type: application/dicom\r\n\r\n", 1
    )
    return ask(server, body, f"multipart/form-data; boundary={BOUNDARY}")


def ask(server: Server, body: bytes, kind: str) -> tuple[int, dict[str, str]]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("POST", "/api/v1/studies", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
