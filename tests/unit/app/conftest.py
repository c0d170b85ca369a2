"""A small application with a real database, a directory of a few clinics, and a Nominatim of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app import config
from app.clinics.facts import ClinicFacts
from app.store import database
from app.web.extensions import db


@pytest.fixture
def clinic_app(tmp_path: Path) -> Iterator[Flask]:
    """An application with an empty directory."""
    app = Flask("clinics")
    app.config.from_mapping(config.load({}, DATA_DIR=tmp_path / "data"))
    database.prepare(app)
    db.init_app(app)
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def facts() -> Callable[..., ClinicFacts]:
    """Makes the facts of a clinic in Hamilton, Ontario; named values differ."""

    def make(**values: object) -> ClinicFacts:
        usual: dict[str, object] = {
            "name": "Lakeside Cancer Centre", "kind": "cancer_centre", "address": "1 Lake Road", "city": "Hamilton",
            "region": "ON", "country": "CA", "postal_code": "L8P 4X1", "phone": "+1 905 555 0101",
            "website": "https://lakeside.example", "latitude": 43.26, "longitude": -79.87, "is_approximate": False,
            "source": "our own", "checked_on": "2026-01-02",
        }  # fmt: skip
        return ClinicFacts(**(usual | values))  # type: ignore[arg-type]

    return make


class StubNominatim:
    """Answers on 127.0.0.1 as `answer` says, and remembers who asked for what."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes = b"[]"
        self.headers: dict[str, str] = {"Content-Type": "application/json"}
        self.before_answer: Callable[[], object] = lambda: None
        self.questions: list[str] = []
        self.agents: list[str] = []
        self.is_asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def finds(self, *places: tuple[float, float, str, str]) -> None:
        """Answer with these places: latitude, longitude, name, country code."""
        self.body = json.dumps(
            [
                {"lat": str(lat), "lon": str(lon), "display_name": name, "address": {"country_code": country}}
                for lat, lon, name, country in places
            ]
        ).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(stub) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.questions.append(parse_qs(urlsplit(self.path).query).get("q", [""])[0])
                stub.agents.append(self.headers["User-Agent"])
                stub.is_asked.set()
                stub.before_answer()
                try:
                    self.send_response(stub.status)
                    for name, value in stub.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(stub.body)))
                    self.end_headers()
                    self.wfile.write(stub.body)
                except OSError:  # the product hung up
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def nominatim_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubNominatim]:
    """A Nominatim of our own that knows nothing until it is told."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    stub = StubNominatim()
    yield stub
    stub.close()
