import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pack_bits, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPIPHTJ2KReferenced,
    RLELossless,
)

from imaging.dicom.header import MOST_FRAMES
from imaging.errors import RefusedUpload
from imaging.files.decode import decode
from imaging.formats import intensity
from tests.factories import pictures

MOST = 25_000_000
GREY = pictures.ultrasound()
RGB = np.stack([GREY, np.roll(GREY, 7, axis=1), 255 - GREY], axis=-1)


def refusal_of(content, max_pixels=MOST, frame=None):
    with pytest.raises(RefusedUpload) as refusal:
        decode(content, max_pixels, frame)
    return refusal.value


def luma(rgb):
    return decode(pictures.encoded(np.ascontiguousarray(rgb)), MOST).pixels


def compressed(content, syntax=RLELossless):
    dataset = dcmread(io.BytesIO(content))
    dataset.compress(syntax, generate_instance_uid=False)
    return pictures.written(dataset)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_plain_files_give_the_same_pixels_as_their_png_twin(syntax):
    picture = decode(pictures.dicom(GREY, syntax), MOST)
    assert picture.kind == "dicom"
    assert np.array_equal(picture.pixels, GREY)
    assert (picture.frame, picture.frames, picture.notices) == (0, 1, ())


def test_run_length_encoded_files_give_the_same_pixels():
    assert np.array_equal(decode(compressed(pictures.dicom(GREY)), MOST).pixels, GREY)
    assert np.array_equal(decode(compressed(pictures.dicom(RGB)), MOST).pixels, luma(RGB))


def test_monochrome1_is_inverted():
    assert np.array_equal(decode(pictures.dicom(255 - GREY, interpretation="MONOCHROME1"), MOST).pixels, GREY)


@pytest.mark.parametrize("bits", [12, 16])
def test_more_bits_are_scaled_by_the_range_of_the_type(bits):
    stored = GREY.astype(np.uint16) << (bits - 8)
    picture = decode(pictures.dicom(stored, BitsStored=bits, HighBit=bits - 1), MOST)
    assert np.array_equal(picture.pixels, GREY)


def test_signed_values_start_below_zero():
    stored = ((GREY.astype(np.int32) - 128) << 8).astype(np.int16)
    assert np.array_equal(decode(pictures.dicom(stored), MOST).pixels, GREY)
    stored = (GREY.astype(np.int16) - 128).astype(np.int8)
    assert np.array_equal(decode(pictures.dicom(stored), MOST).pixels, GREY)


def test_a_window_is_applied_in_rescaled_units():
    stored = GREY.astype(np.uint16) + 1000
    window = {"WindowCenter": "128", "WindowWidth": "256", "RescaleSlope": "1", "RescaleIntercept": "-1000"}
    picture = decode(pictures.dicom(stored, **window), MOST)
    assert np.abs(picture.pixels.astype(int) - GREY).max() <= 1


def test_the_first_of_several_windows_is_taken():
    picture = decode(pictures.dicom(GREY, WindowCenter=["64", "128"], WindowWidth=["128", "256"]), MOST)
    assert picture.pixels.max() == 255
    assert picture.pixels.mean() > GREY.mean()


def test_the_first_window_that_can_be_used_is_taken():
    picture = decode(pictures.dicom(GREY, WindowCenter=["5", "64"], WindowWidth=["0", "128"]), MOST)
    assert picture.pixels.mean() > GREY.mean()
    assert picture.notices == ()


def test_colours_are_read_in_both_planar_configurations():
    assert np.array_equal(decode(pictures.dicom(RGB), MOST).pixels, luma(RGB))
    planes = np.ascontiguousarray(RGB.transpose(2, 0, 1)).tobytes()
    assert np.array_equal(decode(pictures.dicom(RGB, body=planes, PlanarConfiguration=1), MOST).pixels, luma(RGB))


def test_coloured_pixels_are_counted():
    assert decode(pictures.dicom(RGB), MOST).colour_share > 0.5
    assert decode(pictures.dicom(pictures.colour(GREY)), MOST).colour_share == 0


def test_luma_and_chroma_are_turned_into_grey():
    chroma = np.full_like(GREY, 128)
    full = np.stack([GREY, chroma, chroma], axis=-1)
    assert np.abs(decode(pictures.dicom(full, interpretation="YBR_FULL"), MOST).pixels.astype(int) - GREY).max() <= 1
    pairs = np.stack([GREY[:, ::2], GREY[:, 1::2], chroma[:, ::2], chroma[:, ::2]], axis=-1)
    content = pictures.dicom(full, interpretation="YBR_FULL_422", body=np.ascontiguousarray(pairs).tobytes())
    assert np.abs(decode(content, MOST).pixels.astype(int) - GREY).max() <= 1


def palette(entries, first=0, bits=16):
    values = np.asarray(entries, np.uint16 if bits == 16 else np.uint8).tobytes()
    tags = {}
    for name in ("Red", "Green", "Blue"):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [len(entries), first, bits]
        tags[f"{name}PaletteColorLookupTableData"] = values
    return tags


def test_a_palette_is_looked_up():
    content = pictures.dicom(GREY, interpretation="PALETTE COLOR", **palette([value * 257 for value in range(256)]))
    assert np.array_equal(decode(content, MOST).pixels, GREY)


def test_a_short_palette_clamps_indices_that_it_does_not_hold():
    content = pictures.dicom(GREY, interpretation="PALETTE COLOR", **palette([value * 257 for value in range(64)]))
    picture = decode(content, MOST)
    place, expected = picture.in_file, np.minimum(GREY, 63)  # its brightest rows are even now, and are cut as a margin
    rows, columns = slice(place.top, place.top + place.height), slice(place.left, place.left + place.width)
    assert place.height > 0.9 * GREY.shape[0]
    assert np.array_equal(picture.pixels, expected[rows, columns])


def test_a_palette_that_is_missing_or_cut_is_refused():
    assert refusal_of(pictures.dicom(GREY, interpretation="PALETTE COLOR")).code == "bad_dicom"
    tags = palette(list(range(256))) | {"RedPaletteColorLookupTableData": b"\0\1"}
    assert refusal_of(pictures.dicom(GREY, interpretation="PALETTE COLOR", **tags)).code == "bad_dicom"


@pytest.mark.parametrize("descriptor", [None, [0, 0, 16], [256, 5, 16], [256, 0, 8]])
def test_a_palette_whose_tables_differ_is_refused(descriptor):
    tags = palette([value * 257 for value in range(256)]) | {"BluePaletteColorLookupTableDescriptor": descriptor}
    assert refusal_of(pictures.dicom(GREY, interpretation="PALETTE COLOR", **tags)).code == "bad_dicom"


def clip(frames):
    return np.stack([np.full((100, 100), index % 200 + 1, np.uint8) for index in range(frames)])


def test_the_middle_frame_of_a_clip_is_read_and_that_is_said():
    picture = decode(pictures.dicom(clip(9), NumberOfFrames=9), MOST)
    assert (picture.frame, picture.frames) == (4, 9)
    assert (picture.pixels == 5).all()
    assert picture.notices == ("Frame 5 of 9 was read, the middle one.",)


def test_a_chosen_frame_is_read():
    picture = decode(pictures.dicom(clip(9), NumberOfFrames=9), MOST, frame=7)
    assert (picture.frame, int(picture.pixels[0, 0])) == (7, 8)
    assert decode(compressed(pictures.dicom(clip(9), NumberOfFrames=9)), MOST, frame=7).pixels[0, 0] == 8


@pytest.mark.parametrize("frame", [9, -1, 10**9])
def test_a_frame_that_the_clip_does_not_hold_is_refused(frame):
    found = refusal_of(pictures.dicom(clip(9), NumberOfFrames=9), frame=frame)
    assert (found.code, found.status) == ("no_such_frame", 422)
    assert "9 frames" in found.sentence


def test_too_many_frames_are_refused_with_the_cap():
    found = refusal_of(pictures.dicom(GREY, NumberOfFrames=30_000))
    assert (found.code, found.status) == ("too_many_frames", 413)
    assert str(MOST_FRAMES) in found.sentence


def test_jpeg_baseline_clips_are_read_frame_by_frame():
    frames = [pictures.encoded(pixels, "JPEG", quality=95) for pixels in (GREY, 255 - GREY)]
    content = pictures.dicom(GREY, JPEGBaseline8Bit, body=encapsulate(frames), NumberOfFrames=2)
    for frame, twin in enumerate((GREY, 255 - GREY)):
        assert np.abs(decode(content, MOST, frame).pixels.astype(int) - twin).mean() < 2


def test_jpeg_baseline_in_colour_is_read():
    body = encapsulate([pictures.encoded(RGB, "JPEG", quality=95)])
    picture = decode(pictures.dicom(RGB, JPEGBaseline8Bit, interpretation="YBR_FULL_422", body=body), MOST)
    assert np.abs(picture.pixels.astype(int) - luma(RGB)).mean() < 3
    assert picture.colour_share > 0.5


def test_monochrome1_is_inverted_in_jpeg_too():
    body = encapsulate([pictures.encoded(255 - GREY, "JPEG", quality=97)])
    picture = decode(pictures.dicom(GREY, JPEGBaseline8Bit, interpretation="MONOCHROME1", body=body), MOST)
    assert np.abs(picture.pixels.astype(int) - GREY).mean() < 2


def test_a_window_is_applied_to_jpeg_too():
    body = encapsulate([pictures.encoded(GREY, "JPEG", quality=97)])
    tags = {"WindowCenter": "64", "WindowWidth": "128"}
    plain, jpeg = pictures.dicom(GREY, **tags), pictures.dicom(GREY, JPEGBaseline8Bit, body=body, **tags)
    assert np.abs(decode(jpeg, MOST).pixels.astype(int) - decode(plain, MOST).pixels).mean() < 4


CUT_JPEG = pictures.encoded(GREY, "JPEG")[:900]


@pytest.mark.parametrize("inner", [pictures.encoded(GREY), CUT_JPEG, b"\0\0", b"\xff\xd8\xff"])
def test_jpeg_baseline_that_is_none_or_cut_is_refused(inner):
    content = pictures.dicom(GREY, JPEGBaseline8Bit, body=encapsulate([inner]))
    assert refusal_of(content).code == "bad_dicom"


def test_a_jpeg_of_another_size_than_the_header_says_is_refused():
    body = encapsulate([pictures.encoded(GREY[:120], "JPEG")])
    assert refusal_of(pictures.dicom(GREY, JPEGBaseline8Bit, body=body)).code == "bad_dicom"


@pytest.mark.parametrize(("syntax", "word"), [(JPIPHTJ2KReferenced, "JPIP"), (MPEG4HP41, "film")])
def test_a_codec_without_a_reader_is_refused_by_name_and_with_a_way_out(syntax, word):
    found = refusal_of(pictures.dicom(GREY, syntax, body=encapsulate([b"\xff\xd8 not for us"])))
    assert (found.code, found.status) == ("transfer_syntax", 415)
    assert word in found.sentence
    assert "export it as PNG" in found.sentence


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless])
def test_a_stream_that_is_none_is_damaged(syntax):
    assert refusal_of(pictures.dicom(GREY, syntax, body=encapsulate([b"\xff\xd8 not for us"]))).code == "bad_dicom"


def test_a_deflated_bomb_is_refused_before_it_is_kept():
    meta = pictures.dicom(GREY, DeflatedExplicitVRLittleEndian)
    bomb = zlib.compressobj(wbits=-15)
    packed = b"".join(bomb.compress(bytes(1_000_000)) for _ in range(100)) + bomb.flush()
    found = refusal_of(meta[: 132 + 12 + struct.unpack_from("<I", meta, 140)[0]] + packed)
    assert (found.code, found.status) == ("too_many_pixels", 413)
    assert "unpacks" in found.sentence


def test_an_unknown_transfer_syntax_is_not_quoted():
    found = refusal_of(pictures.dicom(GREY).replace(b"1.2.840.10008.1.2.1\0", b"1.2.3.4.5.6.7.8.9.1\0"))
    assert found.code == "transfer_syntax"
    assert "1.2.3" not in found.sentence


def test_a_dicomdir_is_refused():
    content = pictures.dicom(GREY).replace(b"1.2.840.10008.5.1.4.1.1.6.1\0", b"1.2.840.10008.1.3.10\0" + b"\0" * 7)
    found = refusal_of(content)
    assert (found.code, found.status) == ("dicom_directory", 415)
    assert "Weasis" in found.sentence


def test_a_pdf_within_dicom_is_told():
    found = refusal_of(
        pictures.dicom(GREY, PixelData=None, Modality="DOC", SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    )
    assert (found.code, found.status) == ("no_image_inside", 422)
    assert "holds a PDF" in found.sentence


def test_a_file_without_a_picture_is_refused():
    found = refusal_of(pictures.dicom(GREY, PixelData=None, Modality="SR"))
    assert (found.code, found.status) == ("no_image_inside", 422)


@pytest.mark.parametrize("modality", ["CT", "MG", "MR"])
def test_another_modality_is_refused(modality):
    found = refusal_of(pictures.dicom(GREY, Modality=modality))
    assert (found.code, found.status) == ("not_ultrasound", 422)


@pytest.mark.parametrize(
    "tags",
    [
        {"Rows": 65_000, "Columns": 300},
        {"Rows": 149},
        {"Rows": None},
        {"BitsAllocated": 12},
        {"BitsStored": 17},
        {"BitsAllocated": 32, "BitsStored": 32},
        {"SamplesPerPixel": 2},
        {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"},
        {"PhotometricInterpretation": "CMYK"},
        {"NumberOfFrames": -1},
    ],
)
def test_a_header_that_does_not_fit_its_pixels_is_refused(tags):
    content = pictures.dicom(GREY, **tags)
    if tags == {"Rows": 149}:
        assert decode(content, MOST).height == 149  # spare bytes at the end are no harm
    else:
        found = refusal_of(content)
        assert found.status in {413, 422}
        assert found.code in {"bad_dicom", "odd_shape"}


def test_pixels_that_are_said_to_be_longer_than_the_file_are_refused():
    content = pictures.dicom(GREY).replace(struct.pack("<I", GREY.size), struct.pack("<I", 0x7FFFFFF0))
    assert refusal_of(content).code == "bad_dicom"


def test_a_gigantic_size_is_refused_from_the_header():
    found = refusal_of(pictures.dicom(GREY, Rows=65_535, Columns=65_535))
    assert (found.code, found.status) == ("too_many_pixels", 413)


def test_long_in_place_of_short_dimensions_are_refused():
    content = pictures.dicom(GREY)
    rows = content.index(b"\x28\x00\x10\x00US")
    forged = content[:rows] + b"\x28\x00\x10\x00UL\x04\x00" + struct.pack("<I", 2**31 - 1) + content[rows + 10 :]
    assert refusal_of(forged).code == "bad_dicom"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.99])
def test_a_cut_file_is_refused(share):
    content = pictures.dicom(GREY)
    assert refusal_of(content[: int(len(content) * share)]).code in {"bad_dicom", "no_image_inside", "not_an_image"}


def test_a_broken_meta_header_is_refused():
    content = bytearray(pictures.dicom(GREY))
    content[132:160] = b"\xff" * 28
    assert refusal_of(bytes(content)).code == "bad_dicom"


def test_deeply_nested_sequences_are_refused_or_skipped_in_time():
    start_item = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    content = pictures.dicom(GREY)
    place = content.index(b"\x08\x00\x60\x00CS")
    start = time.process_time()
    found = refusal_of(content[:place] + start_item * 10_000 + content[place:])
    assert found.code in {"bad_dicom", "no_image_inside"}
    assert time.process_time() - start < 2


def test_big_endian_files_are_read():
    swapped = (GREY.astype(np.uint16) << 8).astype(">u2").tobytes()
    content = pictures.dicom(GREY.astype(np.uint16), ExplicitVRBigEndian, body=swapped)
    assert np.array_equal(decode(content, MOST).pixels, GREY)


def test_one_bit_pictures_are_refused():
    content = pictures.dicom(
        GREY, body=pack_bits((GREY > 90).astype(np.uint8)), BitsAllocated=1, BitsStored=1, HighBit=0
    )
    assert refusal_of(content).code == "bad_dicom"


def test_pydicom_logs_nothing_of_what_it_read(caplog):
    decode(pictures.dicom(GREY, InstitutionName="CANARY" * 40, PatientSex="CANARY-TOO-LONG-FOR-ITS-KIND"), MOST)
    with pytest.raises(RefusedUpload):
        decode(pictures.dicom(GREY, Modality="CANARY-TOO-LONG-FOR-ITS-KIND"), MOST)
    assert "CANARY" not in caplog.text


def test_nothing_about_the_patient_leaves_the_decoder():
    tags = {"PatientBirthDate": "19700101", "InstitutionName": "CANARY-HOSPITAL", "StudyDescription": "CANARY"}
    nested = Dataset()
    nested.PatientComments = "CANARY-nested"
    picture = decode(pictures.dicom(GREY, RequestAttributesSequence=Sequence([nested]), **tags), MOST)
    told = repr({name: value for name, value in vars(picture).items() if name != "pixels"})
    assert "CANARY" not in told
    assert "DOE" not in told
    assert "1970" not in told


@pytest.mark.parametrize("name", ["Modality", "PatientName"])
def test_markup_in_a_tag_stays_out_of_the_sentence(name):
    content = pictures.dicom(GREY, **{name: "<img src=x onerror=alert(1)>"})
    try:
        told = " ".join(decode(content, MOST).notices)
    except RefusedUpload as refusal:
        told = refusal.sentence
    assert "<img" not in told.lower()


@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL"])
def test_colours_read_in_bands_have_the_pixels_of_those_read_at_once(interpretation, monkeypatch):
    content = pictures.dicom(RGB, interpretation=interpretation)
    whole = np.asarray(Image.fromarray(pixel_array(io.BytesIO(content))).convert("L"))
    monkeypatch.setattr(intensity, "_BAND_PIXELS", 1300)
    assert np.array_equal(decode(content, MOST).pixels, whole)
