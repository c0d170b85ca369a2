"""Damaged files of every kind: the decoder answers with a Picture or a refusal, never with anything else."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.errors import RefusedUpload
from imaging.files.decode import decode
from imaging.picture import Picture
from tests.factories import pictures

GREY = pictures.ultrasound(height=100, width=110)
SEEDS = [
    *(pictures.encoded(GREY, kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")),
    pictures.encoded(GREY, "TIFF", compression="tiff_lzw"),
    pictures.dicom(GREY),
    pictures.dicom(pictures.colour(GREY), SequenceOfUltrasoundRegions=[pictures.region(5, 5, 105, 95)]),
]
MOST = 100_000

flips = st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 255)), max_size=12)
cuts = st.one_of(st.none(), st.floats(0, 1))
splices = st.one_of(st.none(), st.tuples(st.floats(0, 1), st.binary(max_size=40)))


def answered(content: bytes) -> Picture | RefusedUpload:
    try:
        return decode(content, MOST)
    except RefusedUpload as refusal:
        return refusal


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.sampled_from(SEEDS), is_near_start=st.booleans(), flipped=flips, cut=cuts, splice=splices)
def test_a_mutated_file_gives_a_picture_or_a_refusal(seed, is_near_start, flipped, cut, splice):
    content = bytearray(seed)
    for place, value in flipped:
        content[place % min(len(content), 600 if is_near_start else len(content))] ^= value
    if splice is not None:
        place = int(splice[0] * len(content))
        content[place:place] = splice[1]
    if cut is not None:
        del content[int(cut * len(content)) :]
    answer = answered(bytes(content))
    if isinstance(answer, RefusedUpload):
        assert answer.status in {413, 415, 422}
        assert answer.sentence.endswith(".")
    else:
        assert answer.pixels.dtype == np.uint8
        assert answer.pixels.size <= MOST
