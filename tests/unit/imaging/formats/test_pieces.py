"""Files of endless cheap pieces are refused by their number; files as programs write them are read."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import RLELossless

from imaging.errors import RefusedUpload
from imaging.files.decode import decode
from imaging.formats import pieces
from tests.factories import bombs, pictures

MOST = 25_000_000
GREY = pictures.ultrasound()
MANY = {
    "scans": lambda: bombs.jpeg_scans(1001),
    "scans of a large picture": lambda: bombs.jpeg_scans(40, 5000, 5000),
    "fill bytes": lambda: bombs.jpeg_fill(30_000),
    "comments": lambda: bombs.jpeg_comments(30_000),
    "comments after the scans": lambda: bombs.jpeg_comments_between_scans(30_000),
    "parts of pixels": lambda: bombs.png_chunks(100_000),
    "unknown chunks": lambda: bombs.png_chunks(100_000, b"abCd"),
    "blocks of a comment": lambda: bombs.gif_blocks(200_000),
    "extensions": lambda: bombs.gif_extensions(200_000),
    "blocks of pixels": lambda: bombs.gif_data(200_000),
    "lines of run lengths": lambda: bombs.bmp_lines(200_000),
    "strips": lambda: bombs.tiff_strips(200_001),
    "elements": lambda: bombs.dicom_elements(100_000),
    "regions": lambda: bombs.dicom_regions(20_000),
    "fragments": lambda: bombs.dicom_fragments(30_000),
}


def code_of(content):
    with pytest.raises(RefusedUpload) as refusal:
        decode(content, MOST)
    return refusal.value.code


@pytest.mark.parametrize("name", MANY)
def test_a_file_of_too_many_pieces_is_refused(name):
    assert code_of(MANY[name]()) == "too_many_pieces"


def test_a_sequence_of_endless_items_ends_with_the_reads():
    assert code_of(bombs.dicom_items(100_000)) in ("too_many_pieces", "bad_dicom")  # pydicom has words of its own


@pytest.mark.parametrize(
    "content",
    [
        bombs.jpeg_scans(900),
        bombs.jpeg_scans(30, 2000, 2000),
        bombs.png_chunks(5000),
        bombs.gif_blocks(5000),
        bombs.tiff_strips(5000),
        bombs.webp_frames(1000),
        bombs.dicom_elements(5000),
        bombs.dicom_regions(100),
    ],
    ids=["scans", "scans of a large picture", "png", "gif", "tiff", "webp", "elements", "regions"],
)
def test_many_pieces_are_not_too_many(content):
    assert decode(content, MOST).frames >= 1


JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_blocks": 1},
    "with a comment that looks like scans": {"comment": b"\xff\xda" * 2000},
    "with a profile that looks like scans": {"icc_profile": b"\xff\xda" * 60_000},
    "progressive with a comment": {"progressive": True, "comment": b"\xff\xd9"},
}


@pytest.mark.parametrize("name", JPEGS)
def test_scans_are_counted_where_they_are_scans(name):
    content = pictures.encoded(pictures.colour(GREY), "JPEG", **JPEGS[name])
    pieces.check_jpeg(content)
    assert decode(content, MOST).pixels.shape == GREY.shape
    markers = [marker for marker, _ in pieces.segments(content)]
    assert markers.count(0xDA) == (10 if "progressive" in name else 1)


def test_what_comes_after_a_jpeg_is_not_looked_at():
    pieces.check_jpeg(pictures.encoded(GREY, "JPEG") + b"\xff\xda" * 5000)


@pytest.mark.parametrize("size", [2, 3, 20, 300, 1000])
def test_a_jpeg_that_breaks_off_is_left_to_its_reader(size):
    pieces.check_jpeg(pictures.encoded(GREY, "JPEG")[:size])


def test_a_frame_of_a_dicom_clip_is_counted_too():
    body = bombs.jpeg_scans(1001, *GREY.shape)
    frame = body + b"\0" * (len(body) % 2)
    item = b"\xfe\xff\x00\xe0"
    encapsulated = item + bytes(4) + item + len(frame).to_bytes(4, "little") + frame + b"\xfe\xff\xdd\xe0" + bytes(4)
    assert code_of(pictures.dicom(GREY, "1.2.840.10008.1.2.4.50", body=encapsulated)) == "too_many_pieces"


def test_pictures_of_many_frames_and_strips_are_read():
    frames = [Image.fromarray(np.roll(GREY, number, 0)) for number in range(60)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG"):
        content = pictures.encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert decode(content, MOST).frames > 1
    tall = np.tile(GREY[:, :100], (3, 1))
    assert decode(pictures.encoded(tall, "TIFF", strip_size=1), MOST).pixels.shape == tall.shape


def test_a_clip_of_many_fragments_is_read():
    clip = np.stack([GREY] * 300)
    buffer = io.BytesIO(pictures.dicom(clip, NumberOfFrames=300))
    from pydicom import dcmread

    dataset = dcmread(buffer)
    dataset.compress(RLELossless)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    assert decode(out.getvalue(), MOST).frames == 300
