"""Picture layers of stored images."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from flask import Flask
from PIL import Image as Pillow

from app.reading import layers
from app.store.pictures import Encoded, MissingPicture, PictureStore
from app.tables import Image
from app.web.extensions import db
from app.workers import large_pictures
from app.workers.services import services
from tests.factories.staff import SETTINGS, add_analysis, add_image


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


def _pixels(image: Image, name: str, is_full: bool = False) -> np.ndarray:
    with Pillow.open(io.BytesIO(layers.png(layers.drawing(image, name, is_full)))) as opened:
        return np.asarray(opened)


def wait_until_kept() -> None:
    layers._keeping.submit(lambda: None).result(timeout=20)
    db.session.rollback()


def test_each_layer_lies_exactly_over_the_picture(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        picture = _pixels(image, layers.PICTURE)
        fill = _pixels(image, layers.FILL)

        assert picture.shape == (120, 150)
        for name in (layers.OUTLINE, layers.FILL, layers.HEAT):
            assert _pixels(image, name).shape == (120, 150)
        assert (fill[60, 75], fill[10, 10]) == (1, 0)
        assert max(_pixels(image, layers.THUMBNAIL).shape) <= 160


def test_a_thumbnail_is_made_at_the_first_look_and_kept(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        image.analyses[-1].thumbnail_sha256 = ""
        db.session.commit()
        first = layers.png(layers.drawing(image, layers.THUMBNAIL))
        wait_until_kept()
        kept = image.analyses[-1].thumbnail_sha256
        assert services().store.content(kept) == first
        services().store.path(image.picture_sha256).unlink()
        assert layers.png(layers.drawing(image, layers.THUMBNAIL)) == first  # not drawn again


def test_a_lost_thumbnail_is_drawn_again(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        services().store.remove(image.analyses[-1].thumbnail_sha256)
        drawn = layers.png(layers.drawing(image, layers.THUMBNAIL))
        wait_until_kept()
        assert services().store.content(image.analyses[-1].thumbnail_sha256) == drawn


def test_a_thumbnail_of_an_image_that_was_deleted_meanwhile_is_not_kept(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        image.analyses[-1].thumbnail_sha256 = ""
        db.session.commit()
        layers._keep_thumbnail(app, image.analyses[-1].id + 1, Encoded(b"drawn", "0" * 64))
        assert not services().store.path("0" * 64).exists()


def test_a_thumbnail_that_can_t_be_kept_is_shown_all_the_same(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_store: PictureStore, _encoded: Encoded) -> str:
        raise OSError(28, "No space left on device")

    with app.app_context():
        image = db.session.get_one(Image, add_image())
        image.analyses[-1].thumbnail_sha256 = ""
        db.session.commit()
        monkeypatch.setattr(PictureStore, "write", fail)
        assert max(_pixels(image, layers.THUMBNAIL).shape) <= 160
        wait_until_kept()
        assert image.analyses[-1].thumbnail_sha256 == ""


def test_an_image_without_analysis_has_a_picture_and_a_thumbnail_only(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image(status="queued"))
        assert _pixels(image, layers.THUMBNAIL).ndim == 3
        for name in (layers.OUTLINE, layers.FILL, layers.HEAT, "anything"):
            with pytest.raises(MissingPicture):
                layers.png(layers.drawing(image, name))


def test_the_entity_tag_changes_with_a_new_reading(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        before = {name: layers.key(image, name) for name in layers.NAMES}
        add_analysis(image, services().store.get(image.picture_sha256), 0.2)
        db.session.commit()
        after = {name: layers.key(image, name) for name in layers.NAMES}

    assert len(set(before.values())) == len(layers.NAMES)
    assert [name for name in layers.NAMES if before[name] == after[name]] == [layers.PICTURE]


SIDES = (1800, 2400)  # height, width in px: beyond what is shown, and large


@pytest.fixture
def large(app: Flask) -> Iterator[Image]:
    """An image whose picture is larger than what is shown, with a lesion in its middle."""
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        mask = np.zeros(SIDES, np.uint8)
        mask[600:1200, 900:1500] = 255
        image.height, image.width = SIDES
        image.picture_sha256 = services().store.put(np.full(SIDES, 90, np.uint8))
        image.analyses[-1].mask_sha256 = services().store.put(mask)
        image.analyses[-1].thumbnail_sha256 = ""
        db.session.commit()
        yield image


@pytest.mark.parametrize("name", [layers.OUTLINE, layers.FILL, layers.HEAT, layers.OVERLAY])
def test_layers_are_drawn_as_small_as_they_are_shown_unless_the_full_size_is_asked_for(large: Image, name: str) -> None:
    assert _pixels(large, name).shape[:2] == (1200, 1600)
    assert _pixels(large, name, is_full=True).shape[:2] == SIDES
    assert layers.drawing(large, name).tag != layers.drawing(large, name, is_full=True).tag


def test_small_or_full_the_lesion_lies_in_the_same_place(large: Image) -> None:
    small, full = _pixels(large, layers.FILL), _pixels(large, layers.FILL, is_full=True)
    assert full.astype(bool).mean() == pytest.approx(small.astype(bool).mean(), rel=0.01)
    rows, columns = np.nonzero(small)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (400, 800, 600, 1000)


def test_what_is_kept_is_served_as_it_lies_there(large: Image) -> None:
    for name, kept in ((layers.PICTURE, large.picture_sha256), (layers.MASK, large.reading.mask_sha256)):
        assert layers.png(layers.drawing(large, name)) == services().store.content(kept)


def test_a_thumbnail_keeps_the_shape_and_shows_the_outline(large: Image) -> None:
    small = _pixels(large, layers.THUMBNAIL)
    assert small.shape == (120, 160, 3)
    assert (small[..., 0] != small[..., 2]).any()


def test_of_large_pictures_one_is_drawn_at_a_time_and_none_while_one_is_read(
    large: Image, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "LONGEST_WAIT_S", 0.01)
    wanted = layers.drawing(large, layers.OVERLAY)
    small = layers.drawing(db.session.get_one(Image, add_image()), layers.FILL)

    def drawn() -> bytes:
        with app.app_context():
            return layers.png(wanted)

    with ThreadPoolExecutor(1) as person:
        with large_pictures.room(is_large=True):
            first = person.submit(drawn)
            while layers._large_turns._free.acquire(blocking=False):
                layers._large_turns._free.release()
            with pytest.raises(layers.DrawingBusy):
                layers.png(wanted)
            assert layers.png(small)
            assert not first.done()
        assert first.result(timeout=20) == layers.png(wanted)
