"""Picture layers of stored studies."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from PIL import Image

from app.reading import layers
from app.store.pictures import Encoded, MissingPicture, PictureStore
from app.tables import Study
from app.web.extensions import db
from app.workers.services import services
from tests.factories.staff import SETTINGS, add_analysis, add_study


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


def _pixels(study: Study, name: str) -> np.ndarray:
    with Image.open(io.BytesIO(layers.render(study, name))) as image:
        return np.asarray(image)


def wait_until_kept() -> None:
    layers._keeping.submit(lambda: None).result(timeout=20)
    db.session.rollback()


def test_each_layer_lies_exactly_over_the_picture(app: Flask) -> None:
    with app.app_context():
        study = db.session.get_one(Study, add_study())
        picture = _pixels(study, layers.PICTURE)
        fill = _pixels(study, layers.FILL)

        assert picture.shape == (120, 150)
        for name in (layers.OUTLINE, layers.FILL, layers.HEAT):
            assert _pixels(study, name).shape == (120, 150)
        assert (fill[60, 75], fill[10, 10]) == (1, 0)
        assert max(_pixels(study, layers.THUMBNAIL).shape) <= 160


def test_a_thumbnail_is_made_at_the_first_look_and_kept(app: Flask) -> None:
    with app.app_context():
        study = db.session.get_one(Study, add_study())
        study.analyses[-1].thumbnail_sha256 = ""
        db.session.commit()
        first = layers.render(study, layers.THUMBNAIL)
        wait_until_kept()
        kept = study.analyses[-1].thumbnail_sha256
        assert services().store.content(kept) == first
        services().store.path(study.picture_sha256).unlink()
        assert layers.render(study, layers.THUMBNAIL) == first  # not drawn again


def test_a_lost_thumbnail_is_drawn_again(app: Flask) -> None:
    with app.app_context():
        study = db.session.get_one(Study, add_study())
        services().store.remove(study.analyses[-1].thumbnail_sha256)
        drawn = layers.render(study, layers.THUMBNAIL)
        wait_until_kept()
        assert services().store.content(study.analyses[-1].thumbnail_sha256) == drawn


def test_a_thumbnail_of_a_study_that_was_deleted_meanwhile_is_not_kept(app: Flask) -> None:
    with app.app_context():
        study = db.session.get_one(Study, add_study())
        study.analyses[-1].thumbnail_sha256 = ""
        db.session.commit()
        layers._keep_thumbnail(app, study.analyses[-1].id + 1, Encoded(b"drawn", "0" * 64))
        assert not services().store.path("0" * 64).exists()


def test_a_thumbnail_that_can_t_be_kept_is_shown_all_the_same(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_store: PictureStore, _encoded: Encoded) -> str:
        raise OSError(28, "No space left on device")

    with app.app_context():
        study = db.session.get_one(Study, add_study())
        study.analyses[-1].thumbnail_sha256 = ""
        db.session.commit()
        monkeypatch.setattr(PictureStore, "write", fail)
        assert max(_pixels(study, layers.THUMBNAIL).shape) <= 160
        wait_until_kept()
        assert study.analyses[-1].thumbnail_sha256 == ""


def test_a_study_without_analysis_has_a_picture_and_a_thumbnail_only(app: Flask) -> None:
    with app.app_context():
        study = db.session.get_one(Study, add_study(status="queued"))
        assert _pixels(study, layers.THUMBNAIL).ndim == 3
        for name in (layers.OUTLINE, layers.FILL, layers.HEAT, "anything"):
            with pytest.raises(MissingPicture):
                layers.render(study, name)


def test_the_entity_tag_changes_with_a_new_reading(app: Flask) -> None:
    with app.app_context():
        study = db.session.get_one(Study, add_study())
        before = {name: layers.key(study, name) for name in layers.NAMES}
        add_analysis(study, services().store.get(study.picture_sha256), 0.2)
        db.session.commit()
        after = {name: layers.key(study, name) for name in layers.NAMES}

    assert len(set(before.values())) == len(layers.NAMES)
    assert [name for name in layers.NAMES if before[name] == after[name]] == [layers.PICTURE]
