"""The servers under examination and the record of what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.exam import footprint
from tests.exam.record import Record
from tests.exam.route_table import Route, route_table
from tests.exam.senders.browser_client import Browser, admin
from tests.factories.server import HAS_NGINX, NO_NGINX, ROOT, FrontDoor, Server

Launch = Callable[..., Server]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exam-results", default="", help="write what each row of the exam showed into this JSON file")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with the shipped networks, shared by the tests of a module."""
    running = Server(tmp_path_factory.mktemp("exam") / "data", ROOT / "models")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def front_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    """The same behind nginx, as the image serves it; where that is missing, the row says so."""
    if not HAS_NGINX:
        pytest.skip(NO_NGINX)
    running = FrontDoor(tmp_path_factory.mktemp("door") / "data", ROOT / "models", SPOOL_DIR="")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def outermost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What strangers reach: the server behind nginx, or alone where nginx is missing."""
    kind = FrontDoor if HAS_NGINX else Server
    running = kind(tmp_path_factory.mktemp("outermost") / "data", ROOT / "models").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chief(server: Server) -> Browser:
    """The admin of the module's server, signed in."""
    return admin(server)


@pytest.fixture(scope="module")
def routes(server: Server) -> list[Route]:
    """Every address of the module's server."""
    return route_table(server)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Makes servers of this test's own (not yet started), and ends them after it."""
    with _ended_afterwards() as made:
        yield lambda name="data", models=ROOT / "models", **settings: made(Server(tmp_path / name, models, **settings))


@pytest.fixture
def launch_door(tmp_path: Path) -> Iterator[Launch]:
    """The same behind nginx."""
    if not HAS_NGINX:
        pytest.skip(NO_NGINX)
    with _ended_afterwards() as made:
        yield lambda name="data", models=ROOT / "models", **settings: made(
            FrontDoor(tmp_path / name, models, **settings)
        )


@pytest.fixture
def launch_outermost(tmp_path: Path) -> Iterator[Launch]:
    """The same behind nginx, or alone where nginx is missing."""
    kind = FrontDoor if HAS_NGINX else Server
    with _ended_afterwards() as made:
        yield lambda name="data", models=ROOT / "models", **settings: made(kind(tmp_path / name, models, **settings))


@contextmanager
def _ended_afterwards() -> Iterator[Callable[[Server], Server]]:
    servers: list[Server] = []

    def made(one: Server) -> Server:
        servers.append(one)
        return one

    yield made
    for one in servers:
        one.stop()


@pytest.fixture
def untouched(server: Server) -> Callable[[], AbstractContextManager[None]]:
    """`with untouched():` around uploads that must leave nothing behind in the module's server."""
    return partial(footprint.untouched, server)


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """`seen("...")`: what this run showed, for the exam's page."""
    return partial(record_property, "seen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here) and item.get_closest_marker("exam") is None:
            raise pytest.UsageError(f"{item.nodeid} names no row of the exam")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--exam-results", default="")
    if path:
        config.pluginmanager.register(Record(Path(path)), "exam-record")
