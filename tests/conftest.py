"""What every test may use: the product on an empty database with tiny networks, and a client of it."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from app import config

HAS_TORCH = importlib.util.find_spec("torch") is not None
NEEDS_TORCH = Path(__file__).parent / "unit" / "training"

for setting in config.SETTINGS:  # a test sees the defaults, whatever the shell that started it has set
    os.environ.pop(setting.name, None)
    os.environ.pop(f"SONOTRIAGE_{setting.name}", None)


def pytest_report_header() -> str | None:
    """Say what can't be collected here, so that nothing is left out silently."""
    return None if HAS_TORCH else "not collected here: tests/unit/training needs torch (make test-training)"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Training's tests live where torch is installed."""
    return True if not HAS_TORCH and collection_path == NEEDS_TORCH else None


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny networks of the real contract; tests that damage them make their own."""
    from tests.factories.networks import write_tiny_networks

    return write_tiny_networks(tmp_path_factory.mktemp("models"))


@pytest.fixture
def make_app(tmp_path: Path, tiny_models: Path) -> Iterator[Callable[..., Flask]]:
    """Makes the product on an empty database; named settings differ. Everything is closed at the end."""
    from app import create_app
    from app.web.extensions import db

    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        usual = {"DATA_DIR": tmp_path / f"data{len(made)}", "MODELS_DIR": tiny_models, "PROVIDER": "cpu"}
        app = create_app(**{**usual, "TESTING": True, "UPLOADS_PER_MINUTE": 100_000, **settings})
        with app.app_context():
            db.create_all()
        made.append(app)
        return app

    yield make
    for app in made:
        _close(app)


def _close(app: Flask) -> None:
    from app.web.extensions import db

    app.extensions["sonotriage"].worker.stop()
    app.extensions["sonotriage"].decoder.close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The product with default settings."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who has sent nothing yet."""
    return app.test_client()


@pytest.fixture(scope="session")
def scan() -> Callable[..., bytes]:
    """Makes a synthetic ultrasound picture as PNG bytes."""
    from imaging.phantom import speckle

    def make(seed: int = 1, lesion: str | None = "oval", height: int = 220, width: int = 260) -> bytes:
        return as_png(speckle(seed, lesion, height, width))

    return make


def as_png(pixels: np.ndarray) -> bytes:
    """uint8 pixels as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
