import math

import cv2
import numpy as np
import pytest

from imaging.measures.measure import measure
from imaging.phantom import lesion_mask, speckle
from imaging.picture import Spacing

GROUND = np.full((300, 400), 100, np.uint8)


def ellipse(width, height, centre=(200, 150), angle=0):
    mask = np.zeros(GROUND.shape, np.uint8)
    cv2.ellipse(mask, centre, (width // 2, height // 2), angle, 0, 360, 1, -1)
    return mask.astype(bool)


def terms(lesion):
    return {descriptor.name: descriptor.term for descriptor in lesion.descriptors}


def test_an_empty_mask_has_no_lesion():
    assert measure(GROUND, np.zeros(GROUND.shape, bool), None) is None


def test_sizes_are_counted_in_pixels():
    mask = np.zeros(GROUND.shape, bool)
    mask[100:140, 150:230] = True
    lesion = measure(GROUND, mask, None)
    assert lesion.area_px == 40 * 80
    assert lesion.bbox == (100, 150, 140, 230)
    assert (lesion.height_px, lesion.width_px) == (40, 80)
    assert lesion.longest_axis_px == pytest.approx(math.hypot(39, 79) + 1)


def test_sizes_are_given_in_millimetres_only_with_a_spacing():
    mask = ellipse(80, 40)
    without, lesion = measure(GROUND, mask, None), measure(GROUND, mask, Spacing(0.1, "DICOM Pixel Spacing"))
    assert (without.width_mm, without.area_mm2, without.spacing_mm, without.spacing_source) == (None,) * 4
    assert lesion.width_mm == pytest.approx(lesion.width_px * 0.1)
    assert lesion.height_mm == pytest.approx(lesion.height_px * 0.1)
    assert lesion.longest_axis_mm == pytest.approx(lesion.longest_axis_px * 0.1)
    assert lesion.area_mm2 == pytest.approx(lesion.area_px * 0.01)
    assert lesion.spacing_source == "DICOM Pixel Spacing"


def test_only_the_largest_part_is_measured_and_the_parts_are_counted():
    mask = ellipse(80, 40)
    mask[10:20, 10:20] = True
    lesion = measure(GROUND, mask, None)
    assert lesion.parts == 2
    assert lesion.bbox[0] > 20


def test_a_disc_is_round_and_an_ellipse_is_oval():
    assert terms(measure(GROUND, ellipse(80, 80), None))["shape"] == "round"
    assert terms(measure(GROUND, ellipse(120, 60), None))["shape"] == "oval"
    assert terms(measure(GROUND, ellipse(120, 60, angle=45), None))["shape"] == "oval"
    assert measure(GROUND, ellipse(80, 80), None).circularity == pytest.approx(0.9, abs=0.03)


def test_a_cross_is_irregular():
    mask = np.zeros(GROUND.shape, bool)
    mask[100:200, 190:210] = mask[140:160, 150:250] = True
    lesion = measure(GROUND, mask, None)
    assert terms(lesion)["shape"] == "irregular"
    assert terms(lesion)["margin"] == "not circumscribed"
    assert lesion.solidity < 0.7


def test_orientation_tells_wide_from_tall():
    assert terms(measure(GROUND, ellipse(120, 60), None))["orientation"] == "parallel"
    assert terms(measure(GROUND, ellipse(60, 120), None))["orientation"] == "not parallel"
    assert terms(measure(GROUND, ellipse(80, 80), None))["orientation"] == "not parallel"


@pytest.mark.parametrize(
    ("inside", "term"), [(3, "anechoic"), (60, "hypoechoic"), (100, "isoechoic"), (180, "hyperechoic")]
)
def test_echo_pattern_is_told_against_the_ring_around(inside, term):
    mask = ellipse(80, 40)
    lesion = measure(np.where(mask, inside, GROUND).astype(np.uint8), mask, None)
    assert terms(lesion)["echo pattern"] == term
    assert lesion.contrast_db == pytest.approx(20 * math.log10(inside / 100), abs=0.01)


def test_a_second_lesion_beside_does_not_count_as_tissue():
    mask = ellipse(80, 80, centre=(150, 150)) | ellipse(60, 60, centre=(225, 150))
    lesion = measure(np.where(mask, 20, GROUND).astype(np.uint8), mask, None)
    assert lesion.contrast_db == pytest.approx(20 * math.log10(0.2), abs=0.05)


@pytest.mark.parametrize(("below", "term"), [(180, "enhancement"), (100, "no posterior features"), (40, "shadowing")])
def test_posterior_features_are_told_against_both_sides(below, term):
    pixels, mask = GROUND.copy(), ellipse(80, 40)
    pixels[171:, 160:241] = below
    lesion = measure(pixels, mask, None)
    assert terms(lesion)["posterior features"] == term
    assert lesion.posterior_db == pytest.approx(20 * math.log10(below / 100), abs=0.1)


def test_without_tissue_below_nothing_is_said_about_posterior_features():
    lesion = measure(GROUND, ellipse(80, 40, centre=(200, 279)), None)
    assert lesion.posterior_db is None
    assert "posterior features" not in terms(lesion)


def test_a_blurred_edge_is_not_circumscribed():
    mask = ellipse(120, 70)
    sharp = np.where(mask, 30, GROUND).astype(np.uint8)
    assert terms(measure(sharp, mask, None))["margin"] == "circumscribed"
    assert terms(measure(cv2.GaussianBlur(sharp, (0, 0), 15), mask, None))["margin"] == "not circumscribed"


@pytest.mark.parametrize("seed", range(4))
def test_phantoms_are_described_as_they_were_made(seed):
    oval = terms(measure(speckle(seed, "oval"), lesion_mask(seed, "oval"), None))
    assert oval == {
        "shape": "oval",
        "orientation": "parallel",
        "margin": "circumscribed",
        "echo pattern": "hypoechoic",
        "posterior features": "enhancement",
    }
    spiky = terms(measure(speckle(seed, "irregular"), lesion_mask(seed, "irregular"), None))
    assert (spiky["shape"], spiky["margin"]) == ("irregular", "not circumscribed")
    assert (spiky["echo pattern"], spiky["posterior features"]) == ("hypoechoic", "shadowing")


@pytest.mark.parametrize("box", [(0, 1, 0, 1), (0, 300, 0, 400), (0, 1, 0, 400), (299, 300, 399, 400), (0, 300, 0, 1)])
def test_a_mask_of_any_size_is_measured(box):
    mask = np.zeros(GROUND.shape, bool)
    mask[box[0] : box[1], box[2] : box[3]] = True
    lesion = measure(GROUND, mask, None)
    assert lesion.area_px == mask.sum()
    assert all(math.isfinite(descriptor.value) for descriptor in lesion.descriptors)
    assert 0 <= lesion.circularity <= 1
    assert 0 <= lesion.solidity <= 1


def test_no_sentence_names_a_disease():
    for lesion in ("oval", "irregular"):
        for descriptor in measure(speckle(1, lesion), lesion_mask(1, lesion), None).descriptors:
            assert not {"cancer", "malignant", "benign"} & set(descriptor.meaning.lower().split())
            assert descriptor.meaning.endswith(".")
