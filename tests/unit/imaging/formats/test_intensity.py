import numpy as np
import pytest
from PIL import Image

from imaging.formats import intensity
from imaging.formats.colour import COLOURED_ABOVE


def grey_of(image):
    """Luma and coloured share of an RGB image."""
    return intensity.grey_of_rgb(image.height, image.width, lambda top, end: image.crop((0, top, image.width, end)))[:2]


@pytest.mark.parametrize("bits", [9, 10, 12, 16])
def test_the_full_range_of_the_type_becomes_0_to_255(bits):
    values = np.array([[0, (1 << bits) - 1, 1 << (bits - 1)]], np.uint16)
    assert intensity.grey_of_stored(values, bits, is_signed=False).tolist() == [[0, 255, 128]]


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_signed_values_are_scaled_from_their_lowest(bits):
    kind = np.int8 if bits == 8 else np.int16
    values = np.array([[-(1 << (bits - 1)), (1 << (bits - 1)) - 1, 0]], kind)
    assert intensity.grey_of_stored(values, bits, is_signed=True).tolist() == [[0, 255, 128]]


def test_values_beyond_the_stored_bits_are_clipped():
    values = np.array([[5000, 4095]], np.uint16)
    assert intensity.grey_of_stored(values, 12, is_signed=False).tolist() == [[255, 255]]


def test_fewer_than_eight_bits_are_spread():
    values = np.array([[0, 3, 1]], np.uint8)
    assert intensity.grey_of_stored(values, 2, is_signed=False).tolist() == [[0, 255, 85]]


def test_byte_order_does_not_matter():
    values = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    swapped = values.astype(">u2")
    assert np.array_equal(
        intensity.grey_of_stored(values, 16, is_signed=False), intensity.grey_of_stored(swapped, 16, is_signed=False)
    )


@pytest.mark.parametrize("size", [(200, 200), (3000, 2000)])
def test_the_share_of_coloured_pixels_is_the_same_at_every_size(size):
    image = Image.new("RGB", size, (90, 90, 90))
    image.paste((200, 40, 40), (0, 0, size[0] // 4, size[1]))
    assert grey_of(image)[1] == pytest.approx(0.25, abs=0.01)


def test_grey_with_the_rounding_of_a_jpeg_is_not_coloured():
    image = Image.new("RGB", (100, 100), (90, 80, 96))
    assert grey_of(image)[1] == 0


@pytest.mark.parametrize("size", [(97, 131), (1501, 1499), (1777, 2311)])
def test_bands_give_what_the_whole_picture_gives_at_once(size, monkeypatch):
    monkeypatch.setattr(intensity, "_BAND_PIXELS", 30_011)
    ramp = np.arange(size[0] * size[1] * 3, dtype=np.uint32)
    image = Image.fromarray((ramp * ramp // 977 % 251).astype(np.uint8).reshape(*size, 3))
    step = max(1, round((size[0] * size[1] / 1e6) ** 0.5))
    sampled = np.asarray(image.resize((size[1] // step, size[0] // step), Image.Resampling.NEAREST), dtype=np.int16)
    grey, share = grey_of(image)
    assert np.array_equal(grey, np.asarray(image.convert("L")))
    assert share == np.count_nonzero(np.ptp(sampled, axis=2) > COLOURED_ABOVE) / sampled[..., 0].size
    assert 0 < share < 1
