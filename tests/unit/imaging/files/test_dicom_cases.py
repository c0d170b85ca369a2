"""DICOM files that people really have, made here by code. The number of each is that of its kind in the collection."""

import gzip
import io
import struct
import zlib

import numpy as np
import openjpeg
import pytest
from jpeg_ls import encode_array
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from imaging.dicom import display, header, opening, regions, scale, subject
from imaging.dicom.opening import HTJ2K
from imaging.errors import RefusedUpload, UnusablePicture
from imaging.files.decode import decode
from imaging.gate import quality
from imaging.picture import Origin
from tests.factories import pictures
from tests.factories.streams import (
    HTJ2K_COLOUR,
    HTJ2K_DEEP,
    HTJ2K_GREY,
    HTJ2K_LOSSY,
    RAMP,
    RAMP_IN_COLOUR,
    lossless_jpeg,
)

MOST = 25_000_000
GREY = pictures.ultrasound(height=300, width=400)
RGB = np.stack([GREY, np.roll(GREY, 7, axis=1), 255 - GREY], axis=-1)
BLACK = np.zeros_like(GREY)


def read(content=None, frame=None, **tags):
    return decode(pictures.dicom(GREY, **tags) if content is None else content, MOST, frame)


def refusal_of(content):
    with pytest.raises(RefusedUpload) as refusal:
        decode(content, MOST)
    return refusal.value


def decline_of(picture):
    with pytest.raises(UnusablePicture) as decline:
        quality.check(picture)
    return decline.value


def table(entries, first=0, bits=8, **more):
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(entries), first, bits], [int(value) for value in entries]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])


def luma(rgb):
    return decode(pictures.encoded(np.ascontiguousarray(rgb)), MOST).pixels


# 3: tables of greys


def test_3_a_presentation_shape_turns_the_greys_round():
    assert np.array_equal(read(pictures.dicom(255 - GREY, PresentationLUTShape="INVERSE")).pixels, GREY)
    assert np.array_equal(read(PresentationLUTShape="IDENTITY").pixels, GREY)


def test_3_monochrome1_and_its_shape_say_the_same_thing_once():
    content = pictures.dicom(255 - GREY, interpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert np.array_equal(read(content).pixels, GREY)


@pytest.mark.parametrize("name", ["ModalityLUTSequence", "VOILUTSequence", "PresentationLUTSequence"])
def test_3_a_table_is_looked_up(name):
    assert np.array_equal(read(pictures.dicom(255 - GREY, **{name: table(range(255, -1, -1))})).pixels, GREY)


def test_3_tables_follow_each_other():
    tags = {"ModalityLUTSequence": table(range(255, -1, -1)), "VOILUTSequence": table(range(255, -1, -1))}
    assert np.array_equal(read(**tags).pixels, GREY)


def test_3_a_table_begins_at_its_first_value_and_its_depth_is_white():
    content = pictures.dicom(GREY.astype(np.uint16) + 1000, VOILUTSequence=table(np.arange(256) * 16, 1000, 12))
    assert np.abs(read(content).pixels.astype(int) - GREY).max() <= 1


def test_3_a_falling_slope_turns_the_greys_round():
    assert np.array_equal(read(pictures.dicom(255 - GREY, RescaleSlope="-1", RescaleIntercept="255")).pixels, GREY)


@pytest.mark.parametrize(
    ("function", "shares"),
    [("LINEAR", [0.0, 0.25, 0.5, 1.0]), ("LINEAR_EXACT", [0.0, 0.25, 0.5, 1.0]), ("SIGMOID", [0.12, 0.27, 0.5, 0.88])],
)
def test_3_a_window_has_the_form_that_the_file_says(function, shares):
    ramp = np.tile(np.repeat(np.array([68, 98, 128, 188], np.uint8), 50), (200, 1))
    content = pictures.dicom(ramp, WindowCenter="128", WindowWidth="120", VOILUTFunction=function)
    found = read(content).pixels[0, ::50] / 255
    assert found == pytest.approx(shares, abs=0.01)


@pytest.mark.parametrize("name", ["ModalityLUTSequence", "VOILUTSequence", "PresentationLUTSequence"])
def test_3_a_table_that_does_not_hold_together_is_left_out(name):
    broken = table(range(20))
    broken[0].LUTDescriptor = [256, 0, 8]
    picture = read(**{name: broken})
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == (display.NO_TABLE,)


# 6: two tissue regions


def test_6_two_regions_of_tissue_are_declined_as_two_pictures():
    first, second = pictures.region(0, 0, 199, 299), pictures.region(200, 0, 399, 299)
    found = decline_of(read(SequenceOfUltrasoundRegions=Sequence([first, second])))
    assert found.code == "several_panels"
    assert found.sentence == "The file names several pictures of tissue in one. Export each of them by itself."


def test_6_a_region_within_another_is_no_second_picture():
    first, inner = pictures.region(0, 0, 399, 299), pictures.region(100, 100, 299, 249)
    picture = read(SequenceOfUltrasoundRegions=Sequence([first, inner]))
    assert picture.objection is None
    assert np.array_equal(picture.pixels, GREY)


# 7: other organs that the file names


def region_code(value, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return Sequence([item])


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({"BodyPartExamined": "HEART"}, "heart"),
        ({"BodyPartExamined": "thyroid gland"}, "thyroid"),
        ({"BodyPartExamined": "URINARY BLADDER"}, "bladder"),
        ({"AnatomicRegionSequence": region_code("10200004", "Liver")}, "liver"),
        ({"AnatomicRegionSequence": region_code("99", "Kidney")}, "kidney"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "EPICARDIAL", "0001"]}, "heart"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "MUSCULOSKELETAL"]}, "muscles"),
        ({"TransducerType": "SECTOR_PHASED"}, "phased sector"),
        ({"HeartRate": "72"}, "heart rate"),
    ],
)
def test_7_another_organ_is_declined_by_its_name(tags, word):
    found = decline_of(read(**tags))
    assert found.code == "other_organ"
    assert word in found.sentence


@pytest.mark.parametrize(
    "tags",
    [
        {"BodyPartExamined": "BREAST"},
        {"BodyPartExamined": "CHEST"},
        {"BodyPartExamined": "<b>CANARY</b>"},
        {"AnatomicRegionSequence": region_code("76752008", "Breast")},
        {"ImageType": ["ORIGINAL", "PRIMARY", "SMALL PARTS", "0001"]},
        {"ImageType": ["ORIGINAL", "PRIMARY"]},
        {"TransducerType": "LINEAR", "HeartRate": "0"},
        {"PatientSex": "F"},
    ],
)
def test_7_what_may_be_a_breast_is_read(tags):
    picture = read(**tags)
    assert (picture.objection, picture.notices) == (None, ())


def test_7_a_picture_of_another_kind_that_says_ultrasound_is_declined():
    content = pictures.dicom(GREY, SOPClassUID="1.2.840.10008.5.1.4.1.1.1.2")
    found = decline_of(read(content))
    assert (found.code, found.sentence) == (
        "not_ultrasound",
        "The file says that it is a mammogram, not an ultrasound picture.",
    )


def test_7_a_picture_too_deep_for_a_breast_is_declined():
    deep = pictures.region(0, 0, 399, 299, centimetres=0.05)
    found = decline_of(read(SequenceOfUltrasoundRegions=Sequence([deep])))
    assert (found.code, "15 cm deep" in found.sentence) == ("other_organ", True)


def test_7_a_man_is_read_with_a_notice():
    assert read(PatientSex="M").notices == (subject.A_MAN,)


# 8: scales that no breast picture has


def test_8_a_spacing_of_exactly_one_is_not_believed():
    picture = read(PixelSpacing=["1", "1"])
    assert (picture.spacing, picture.notices) == (None, (scale.EXACTLY_ONE,))


@pytest.mark.parametrize("spacing", ["0.01", "0.6"])
def test_8_a_picture_of_an_implausible_size_gets_no_millimetres(spacing):
    picture = read(PixelSpacing=[spacing, spacing])
    assert picture.spacing is None
    assert "cm wide" in picture.notices[0]


def test_8_a_region_in_millimetres_is_not_believed():
    item = pictures.region(0, 0, 399, 299, centimetres=0.1)
    picture = read(SequenceOfUltrasoundRegions=Sequence([item]))
    assert (picture.spacing, picture.objection) == (None, None)
    assert picture.notices[0].startswith("By the file's scale the picture would be 40.0 cm wide and 30.0 cm deep")


def test_8_statements_have_to_agree():
    assert read(PixelSpacing=["0.1", "0.1"], NominalScannedPixelSpacing=["0.1", "0.1"]).spacing is not None
    picture = read(PixelSpacing=["0.1", "0.1"], NominalScannedPixelSpacing=["0.15", "0.15"])
    assert (picture.spacing, picture.notices) == (None, (scale.CONTRADICTING,))


def test_8_the_detectors_spacing_is_divided_by_its_magnification():
    tags = {"ImagerPixelSpacing": ["0.2", "0.2"], "EstimatedRadiographicMagnificationFactor": "2"}
    assert read(**tags).spacing.mm_per_pixel == pytest.approx(0.1)


def test_8_a_ratio_of_pixels_without_a_unit_makes_them_square():
    picture = read(PixelAspectRatio=["2", "1"])
    assert picture.pixels.shape == (600, 400)
    assert (picture.spacing, picture.notices) == (None, (scale.STRETCHED,))


# 9: where the picture lay


def test_9_the_place_of_what_was_read_is_kept():
    screen = np.zeros((600, 800), np.uint8)
    screen[100:400, 150:550] = GREY
    tags = {"SequenceOfUltrasoundRegions": Sequence([pictures.region(150, 100, 549, 399)])}
    picture = read(pictures.dicom(screen, **tags))
    assert np.array_equal(picture.pixels, GREY)
    assert picture.in_file == Origin(100, 150, 300, 400, 600, 800)
    assert read().in_file == Origin(0, 0, 300, 400, 300, 400)


# 10: JPEG in red, green and blue


def unmarked(jpeg):
    """The same JPEG without the segment that tells what its colours are (JFIF or Adobe)."""
    (length,) = struct.unpack_from(">H", jpeg, 4)
    return jpeg[:2] + jpeg[4 + length :]


@pytest.mark.parametrize("quality", [97])
def test_10_the_file_says_what_the_colours_of_an_unmarked_jpeg_are(quality):
    body = unmarked(pictures.encoded(RGB, "JPEG", quality=quality, subsampling=0, keep_rgb=True))
    picture = read(pictures.dicom(RGB, JPEGBaseline8Bit, interpretation="RGB", body=encapsulate([body])))
    assert np.abs(picture.pixels.astype(int) - luma(RGB)).mean() < 2
    body = unmarked(pictures.encoded(RGB, "JPEG", quality=quality, subsampling=0))
    picture = read(pictures.dicom(RGB, JPEGBaseline8Bit, interpretation="YBR_FULL", body=encapsulate([body])))
    assert np.abs(picture.pixels.astype(int) - luma(RGB)).mean() < 2


def test_10_a_marker_in_the_stream_wins():
    body = encapsulate([pictures.encoded(RGB, "JPEG", quality=97, subsampling=0)])
    picture = read(pictures.dicom(RGB, JPEGBaseline8Bit, interpretation="RGB", body=body))
    assert np.abs(picture.pixels.astype(int) - luma(RGB)).mean() < 2


# 11: compressions

STREAMS = {
    "lossless, first order": (JPEGLosslessSV1, lossless_jpeg),
    "lossless": (JPEGLossless, lossless_jpeg),
    "lossless under the label of baseline": (JPEGBaseline8Bit, lossless_jpeg),
    "JPEG-LS": (JPEGLSLossless, lambda pixels: bytes(encode_array(pixels))),
    "JPEG 2000": (
        JPEG2000Lossless,
        lambda pixels: openjpeg.encode(pixels, photometric_interpretation=1 if pixels.ndim == 3 else 2),
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_11_a_lossless_stream_gives_every_pixel(name):
    syntax, encode = STREAMS[name]
    assert np.array_equal(read(pictures.dicom(GREY, syntax, body=encapsulate([encode(GREY)]))).pixels, GREY)
    body = encapsulate([encode(np.ascontiguousarray(RGB))])
    assert np.array_equal(read(pictures.dicom(RGB, syntax, interpretation="RGB", body=body)).pixels, luma(RGB))


def test_11_high_throughput_jpeg_2000_gives_every_pixel():
    for syntax in (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K):
        grey = read(pictures.dicom(RAMP, syntax, body=encapsulate([HTJ2K_GREY])))
        assert np.array_equal(grey.pixels, RAMP)
        assert grey.notices == ()
        deep = RAMP.astype(np.uint16) * 16
        found = read(pictures.dicom(deep, syntax, BitsStored=12, HighBit=11, body=encapsulate([HTJ2K_DEEP])))
        assert np.array_equal(found.pixels, read(pictures.dicom(deep, BitsStored=12, HighBit=11)).pixels)
        body = encapsulate([HTJ2K_COLOUR])
        coloured = read(pictures.dicom(RAMP_IN_COLOUR, syntax, interpretation="YBR_RCT", body=body))
        assert np.array_equal(coloured.pixels, luma(RAMP_IN_COLOUR))


def test_11_lossy_high_throughput_jpeg_2000_is_read_and_a_cut_one_refused():
    found = read(pictures.dicom(RAMP, HTJ2K, body=encapsulate([HTJ2K_LOSSY])))
    assert np.abs(found.pixels.astype(int) - RAMP).max() <= 4
    assert refusal_of(pictures.dicom(RAMP, HTJ2K, body=encapsulate([HTJ2K_GREY[:90]]))).code == "bad_dicom"


def test_11_frames_of_high_throughput_jpeg_2000_are_read_by_number():
    body = encapsulate([HTJ2K_GREY, HTJ2K_LOSSY])
    content = pictures.dicom(np.stack([RAMP] * 2), HTJ2K, NumberOfFrames=2, body=body)
    assert np.array_equal(read(content, frame=0).pixels, RAMP)
    assert not np.array_equal(read(content, frame=1).pixels, RAMP)


@pytest.mark.parametrize("name", ["JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize("bits", [12, 16])
def test_11_more_than_eight_bits_are_read(name, bits):
    syntax, encode = STREAMS[name]
    stored = GREY.astype(np.uint16) << (bits - 8)
    body = encapsulate([openjpeg.encode(stored, bits_stored=bits) if name == "JPEG 2000" else encode(stored)])
    picture = read(pictures.dicom(stored, syntax, BitsStored=bits, HighBit=bits - 1, body=body))
    assert np.abs(picture.pixels.astype(int) - GREY).max() <= 1


def test_11_luma_and_chroma_without_loss_are_turned_into_grey():
    chroma = np.full_like(GREY, 128)
    full = np.stack([GREY, chroma, chroma], axis=-1)
    body = encapsulate([lossless_jpeg(full)])
    picture = read(pictures.dicom(full, JPEGLosslessSV1, interpretation="YBR_FULL", body=body))
    assert np.abs(picture.pixels.astype(int) - GREY).max() <= 1


def test_11_extended_jpeg_of_eight_bits_is_read_and_twelve_bits_have_their_own_sentence():
    jpeg = pictures.encoded(GREY, "JPEG", quality=97).replace(b"\xff\xc0", b"\xff\xc1")
    picture = read(pictures.dicom(GREY, JPEGExtended12Bit, body=encapsulate([jpeg])))
    assert np.abs(picture.pixels.astype(int) - GREY).mean() < 2
    deep = jpeg.replace(b"\xff\xc1\x00\x0b\x08", b"\xff\xc1\x00\x0b\x0c")
    found = refusal_of(pictures.dicom(GREY, JPEGExtended12Bit, body=encapsulate([deep])))
    assert (found.code, found.status) == ("transfer_syntax", 415)
    assert "12 bits" in found.sentence


def test_11_a_deflated_file_is_read():
    whole = pictures.dicom(GREY, ExplicitVRLittleEndian)
    begin = 132 + 12 + struct.unpack_from("<I", whole, 140)[0]
    packer = zlib.compressobj(wbits=-15)
    meta = pictures.dicom(GREY, DeflatedExplicitVRLittleEndian)
    head = meta[: 132 + 12 + struct.unpack_from("<I", meta, 140)[0]]
    assert np.array_equal(read(head + packer.compress(whole[begin:]) + packer.flush()).pixels, GREY)


def test_11_a_palette_of_a_big_endian_file_is_read():
    tags = {"interpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{name}PaletteColorLookupTableData"] = (np.arange(256) * 256).astype(">u2").tobytes()
    assert np.array_equal(read(pictures.dicom(GREY, ExplicitVRBigEndian, **tags)).pixels, GREY)


# 12: what is optional and unusable


@pytest.mark.parametrize(("centre", "width"), [("0", "0"), ("127", "0.5"), ("N/A", "N/A"), ("127,5", "255")])
def test_12_a_window_that_is_none_is_left_out(centre, width):
    content = pictures.dicom(GREY, WindowCenter="12345678", WindowWidth="87654321")
    for said, put in ((b"12345678", centre), (b"87654321", width)):
        content = content.replace(said, put.encode().ljust(8))
    picture = read(content)
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == (display.NO_WINDOW,)


def test_12_a_window_that_leaves_nothing_to_be_seen_is_left_out():
    picture = read(WindowCenter="2048", WindowWidth="4096")
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == (display.NOT_FITTING,)


def test_12_a_slope_of_zero_is_left_out():
    picture = read(RescaleSlope="0", RescaleIntercept="0", WindowCenter="128", WindowWidth="256")
    assert np.abs(picture.pixels.astype(int) - GREY).max() <= 1
    assert picture.notices == (display.NO_SLOPE,)


def test_12_a_spacing_with_commas_is_left_out():
    content = pictures.dicom(GREY, PixelSpacing=["0.1", "0.1"]).replace(b"0.1\\0.1", b"0,1\\0,1")
    picture = read(content)
    assert (picture.spacing, picture.notices) == (None, (scale.NO_SPACING,))


@pytest.mark.parametrize("corners", [(0, 0, 0, 0), (0, 0, 399, 49), (50, 50, 90, 290)])
def test_12_a_region_too_small_to_be_read_is_left_out(corners):
    picture = read(SequenceOfUltrasoundRegions=Sequence([pictures.region(*corners)]))
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == (regions.NO_REGION,)


# 13: headers that contradict their pixels


@pytest.mark.parametrize("is_luma", [True, False])
def test_13_colours_that_are_said_to_be_halved_are_read_in_full(is_luma):
    chroma = np.full_like(GREY, 128)
    full = np.stack([GREY, chroma, chroma] if is_luma else [GREY] * 3, axis=-1)
    picture = read(pictures.dicom(full, interpretation="YBR_FULL_422"))
    assert np.abs(picture.pixels.astype(int) - GREY).max() <= 1
    assert picture.notices == (header.RELABELLED,)


def test_13_a_missing_planar_configuration_means_by_pixel():
    assert np.array_equal(read(pictures.dicom(RGB, PlanarConfiguration=None)).pixels, luma(RGB))


def test_13_three_samples_are_colours_and_one_is_grey():
    picture = read(pictures.dicom(RGB, interpretation="MONOCHROME2"))
    assert np.array_equal(picture.pixels, luma(RGB))
    assert picture.notices == (header.RELABELLED,)
    assert np.array_equal(read(pictures.dicom(GREY, interpretation="RGB")).pixels, GREY)


def test_13_a_clip_is_read_as_far_as_it_goes():
    clip = np.stack([GREY, GREY[::-1], GREY])
    picture = read(pictures.dicom(clip, NumberOfFrames=4))
    assert (picture.frames, picture.frame) == (3, 1)
    assert "The file promises 4 frames and holds 3." in picture.notices
    cut = read(pictures.dicom(clip, NumberOfFrames=3)[: -GREY.size // 2])
    assert (cut.frames, cut.frame) == (2, 1)
    assert np.array_equal(cut.pixels, GREY[::-1])


def test_13_a_compressed_clip_is_read_as_far_as_it_goes():
    frames = [pictures.encoded(pixels, "JPEG", quality=97) for pixels in (GREY, 255 - GREY, GREY)]
    whole = pictures.dicom(GREY, JPEGBaseline8Bit, body=encapsulate(frames), NumberOfFrames=3)
    picture = read(whole[: -len(frames[-1]) // 2])
    assert (picture.frames, picture.frame) == (2, 1)
    assert np.abs(picture.pixels.astype(int) - (255 - GREY)).mean() < 2


def test_13_compressed_pixels_without_an_end_are_read():
    body = encapsulate([pictures.encoded(GREY, "JPEG", quality=97)])
    content = pictures.dicom(GREY, JPEGBaseline8Bit, body=body)
    assert content.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    picture = read(content[:-8])
    assert np.abs(picture.pixels.astype(int) - GREY).mean() < 2
    assert picture.notices == (opening.OPEN_END,)


# 15: no header


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("has_meta", [True, False])
def test_15_a_file_without_preamble_or_meta_group_is_read(syntax, has_meta):
    content = pictures.dicom(GREY, syntax)
    begin = 132 if has_meta else 132 + 12 + struct.unpack_from("<I", content, 140)[0]
    picture = read(content[begin:])
    assert np.array_equal(picture.pixels, GREY)
    assert picture.notices == (opening.BARE,)


def test_15_a_meta_group_that_does_not_name_the_encoding_is_read():
    dataset = dcmread(io.BytesIO(pictures.dicom(GREY)))
    bare = pictures.dicom(GREY)[132 + 12 + struct.unpack_from("<I", pictures.dicom(GREY), 140)[0] :]
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(read(bytes(128) + b"DICM" + bare).pixels, GREY)


def test_15_a_gzipped_file_is_read():
    assert np.array_equal(read(gzip.compress(pictures.dicom(GREY))).pixels, GREY)


# 16: few bits in 16


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_16_few_bits_in_16_are_read_as_so_many(bits):
    picture = read(pictures.dicom(GREY.astype(np.uint16) << (bits - 8)))
    assert np.array_equal(picture.pixels, GREY)
    assert f"only {bits} of its 16 bits" in picture.notices[0]


# 21: empty frames


def test_21_an_empty_frame_is_never_the_answer():
    picture = read(pictures.dicom(np.stack([GREY, BLACK, GREY[::-1]]), NumberOfFrames=3))
    assert picture.frame == 2
    assert np.array_equal(picture.pixels, GREY[::-1])
    assert picture.notices == ("Frame 3 of 3 was read, the one nearest to the middle that shows something.",)


def test_21_the_one_frame_of_a_long_clip_that_shows_something_is_found_where_it_is_near():
    clip = np.stack([BLACK] * 30 + [GREY] + [BLACK] * 9)
    assert read(pictures.dicom(clip, NumberOfFrames=40)).frame == 30


def test_21_a_frame_that_was_asked_for_is_read_even_if_it_is_empty():
    picture = read(pictures.dicom(np.stack([GREY, BLACK, GREY]), NumberOfFrames=3), frame=1)
    assert picture.frame == 1
    assert decline_of(picture).code == "blank"
