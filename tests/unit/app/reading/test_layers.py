"""Picture layers of stored images."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from PIL import Image as Pillow

from app.reading import layers
from app.store.pictures import Encoded, MissingPicture, PictureStore
from app.tables import Image
from app.web.extensions import db
from app.workers.services import services
from tests.factories.staff import SETTINGS, add_analysis, add_image


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


def _pixels(image: Image, name: str) -> np.ndarray:
    with Pillow.open(io.BytesIO(layers.render(image, name))) as image:
        return np.asarray(image)


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
        first = layers.render(image, layers.THUMBNAIL)
        wait_until_kept()
        kept = image.analyses[-1].thumbnail_sha256
        assert services().store.content(kept) == first
        services().store.path(image.picture_sha256).unlink()
        assert layers.render(image, layers.THUMBNAIL) == first  # not drawn again


def test_a_lost_thumbnail_is_drawn_again(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        services().store.remove(image.analyses[-1].thumbnail_sha256)
        drawn = layers.render(image, layers.THUMBNAIL)
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
                layers.render(image, name)


def test_the_entity_tag_changes_with_a_new_reading(app: Flask) -> None:
    with app.app_context():
        image = db.session.get_one(Image, add_image())
        before = {name: layers.key(image, name) for name in layers.NAMES}
        add_analysis(image, services().store.get(image.picture_sha256), 0.2)
        db.session.commit()
        after = {name: layers.key(image, name) for name in layers.NAMES}

    assert len(set(before.values())) == len(layers.NAMES)
    assert [name for name in layers.NAMES if before[name] == after[name]] == [layers.PICTURE]
