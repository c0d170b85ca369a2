"""A real server with the shipped networks, and Debian's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from imaging.phantom import speckle
from tests.exam.senders import browser_client
from tests.factories.server import ROOT, Server

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("browser") / "data", ROOT / "models")
    made.flask("prepare")
    made.start()
    browser_client.admin(made, "admin")
    yield made
    made.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "The browser tests need Chromium: apt install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(base_url=server.address, viewport={"width": 1280, "height": 900}, bypass_csp=False)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert [error for error in errors if "status of 4" not in error] == []


@pytest.fixture(scope="session")
def ultrasound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real picture where the data sets are at hand, else a synthetic one of ours."""
    path = tmp_path_factory.mktemp("pictures") / "ultrasound.png"
    real = ROOT.parent / "shared" / "data" / "busi" / "images" / "malignant_054.webp"
    if real.is_file():
        with Image.open(real) as image:
            image.save(path)
    else:
        Image.fromarray(speckle(7, "irregular")).save(path)
    return path


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A colourful picture that is no ultrasound: sky, sun and meadow."""
    height, width = 480, 640
    rows, columns = np.mgrid[0:height, 0:width]
    sky = np.stack([80 + rows // 6, 140 + rows // 8, np.full((height, width), 230)], axis=2)
    meadow = np.stack([40 + columns // 12, 150 - rows // 8, np.full((height, width), 50)], axis=2)
    picture = np.where((rows < 280)[..., None], sky, meadow)
    picture[(rows - 90) ** 2 + (columns - 480) ** 2 < 3000] = (250, 220, 60)
    path = tmp_path_factory.mktemp("pictures") / "photo.jpg"
    Image.fromarray(picture.astype(np.uint8)).save(path, quality=92)
    return path
