import numpy as np
import pytest

from imaging.files.decode import decode
from imaging.phantom import SAMPLES, lesion_mask, speckle, write_samples


@pytest.mark.parametrize("lesion", [None, "oval", "irregular"])
def test_the_same_seed_gives_the_same_picture(lesion):
    assert np.array_equal(speckle(5, lesion), speckle(5, lesion))
    assert not np.array_equal(speckle(5, lesion), speckle(6, lesion))


def test_a_picture_has_the_asked_size_and_type():
    picture = speckle(1, "oval", 120, 200)
    assert (picture.shape, picture.dtype) == ((120, 200), np.uint8)


@pytest.mark.parametrize("lesion", ["oval", "irregular"])
def test_the_lesion_is_darker_than_what_is_around_it(lesion):
    picture, mask = speckle(5, lesion), lesion_mask(5, lesion)
    assert 0.01 < mask.mean() < 0.2
    assert picture[mask].mean() < 0.6 * picture[~mask].mean()


def test_speckle_is_wider_than_it_is_deep():
    picture = speckle(5, None).astype(float)
    assert np.abs(np.diff(picture, axis=0)).mean() > 1.5 * np.abs(np.diff(picture, axis=1)).mean()


def test_samples_are_written_and_can_be_read(tmp_path):
    paths = write_samples(tmp_path)
    assert len(paths) == len(SAMPLES) == 3
    for path, (seed, lesion) in zip(paths, SAMPLES.values(), strict=True):
        assert path.name.startswith("synthetic-")
        assert np.array_equal(decode(path.read_bytes(), 1_000_000).pixels, speckle(seed, lesion))
