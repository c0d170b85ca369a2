"""The product on tables that the revisions made, its worker at rest, and keys for its backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask

from app.store import wiping
from app.upkeep import backup_keys
from app.upkeep.backup_keys import Keys
from app.upkeep.restoring import Trust
from app.web.extensions import db
from app.workers import tasks
from tests.factories.staff import add_image


@pytest.fixture
def product(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The product as `flask prepare` makes it; the test decides when the worker works."""
    monkeypatch.setattr(tasks.Worker, "wake", lambda _self, has_queued=False: None)
    app = make_app()
    with app.app_context():
        db.drop_all()
        flask_migrate.upgrade()
        yield app
        wiping.finish()


@pytest.fixture
def data(product: Flask) -> Path:
    """The product's data folder."""
    folder: Path = product.config["DATA_DIR"]
    return folder


@pytest.fixture
def image_ids(product: Flask) -> list[str]:
    """Three analysed images."""
    return [add_image(seed=seed) for seed in range(3)]


@pytest.fixture
def at_rest(product: Flask) -> Callable[[], None]:
    """Closes what is open of the database, as when the server is stopped."""

    def close() -> None:
        wiping.finish()
        db.session.remove()
        db.engine.dispose()

    return close


@pytest.fixture
def key_files(tmp_path: Path, data: Path) -> tuple[Path, Path]:
    """The public and the private key file."""
    return backup_keys.make(tmp_path / "keys", data)


@pytest.fixture
def public(key_files: tuple[Path, Path], data: Path) -> Keys:
    """What the server has."""
    return backup_keys.read(key_files[0], data)


@pytest.fixture
def trust(key_files: tuple[Path, Path], data: Path) -> Trust:
    """What whoever restores has."""
    return Trust(backup_keys.read(key_files[1], data))
