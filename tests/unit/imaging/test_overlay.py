import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from imaging.overlay import OUTLINE, RIM, heat_png, layer_png, outline
from imaging.phantom import lesion_mask, speckle

PIXELS, MASK = speckle(3, "oval"), lesion_mask(3, "oval")
EMPTY = np.zeros(MASK.shape, bool)


def test_the_outline_follows_the_mask_and_leaves_the_rest_alone():
    drawn = outline(PIXELS, MASK)
    assert drawn.shape == (*PIXELS.shape, 3)
    changed = (drawn != PIXELS[:, :, None]).any(axis=2)
    rows, columns = np.nonzero(MASK)
    assert changed.any()
    assert not changed[: rows.min() - 5].any()
    assert not changed[rows.min() + 25 : rows.max() - 25, columns.min() + 40 : columns.max() - 40].any()


def test_without_a_lesion_the_outline_is_the_picture():
    assert np.array_equal(outline(PIXELS, EMPTY), np.repeat(PIXELS[:, :, None], 3, axis=2))


@pytest.mark.parametrize("style", ["outline", "fill"])
def test_a_layer_is_a_transparent_png(style):
    image = Image.open(io.BytesIO(layer_png(MASK, style)))
    assert (image.format, image.mode, image.size) == ("PNG", "P", PIXELS.shape[::-1])
    layer = np.asarray(image.convert("RGBA"))
    assert (layer[..., 3] == 0).mean() > 0.5
    assert np.abs(layer[layer[..., 3] > 0][:, :3].astype(int) - OUTLINE).sum(axis=1).min() < 60


def test_the_fill_covers_exactly_the_mask():
    layer = np.asarray(Image.open(io.BytesIO(layer_png(MASK, "fill"))).convert("RGBA"))
    assert np.array_equal(layer[..., 3] > 0, MASK)


def test_an_empty_layer_is_fully_transparent():
    assert not np.asarray(Image.open(io.BytesIO(layer_png(EMPTY))).convert("RGBA"))[..., 3].any()


def test_cold_parts_of_a_heat_map_are_transparent():
    heat = np.tile(np.arange(256, dtype=np.uint8), (100, 1))
    layer = np.asarray(Image.open(io.BytesIO(heat_png(heat))).convert("RGBA"))
    assert np.array_equal(layer[..., 3], heat)


@pytest.mark.parametrize("draw", [layer_png, lambda mask: heat_png(mask.astype(np.uint8) * 200)])
def test_a_layer_of_a_large_picture_takes_little_memory(draw):
    mask = np.kron(MASK, np.ones((4, 4), bool))
    tracemalloc.start()
    draw(mask)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * mask.size


def test_a_dark_rim_lies_around_the_stroke():
    layer = np.asarray(Image.open(io.BytesIO(layer_png(MASK))).convert("RGBA")).reshape(-1, 4).astype(int)
    drawn = layer[layer[:, 3] > 250]
    assert np.abs(drawn[:, :3] - OUTLINE).max(axis=1).min() < 40
    assert (drawn[:, :3] == RIM).all(axis=1).any()


def test_where_nothing_is_known_of_a_lesion_the_picture_stays_as_it_is():
    assert (outline(PIXELS, None) == PIXELS[:, :, None]).all()
