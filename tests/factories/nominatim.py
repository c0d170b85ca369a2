"""A place search of this machine that answers well or badly, as the asked text says."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FOUND = [{"lat": "43.25", "lon": "-79.87", "display_name": "Stubville", "address": {"country_code": "ca"}}]


class Stub(ThreadingHTTPServer):
    """Keeps what it was asked: paths with their queries. `elsewhere` is where it redirects to."""

    daemon_threads = True

    def __init__(self, elsewhere: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.elsewhere = elsewhere

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        text = parse_qs(urlsplit(self.path).query).get("q", [""])[0]
        with contextlib.suppress(OSError):  # the asker may have gone
            if "redirect" in text:
                self._answer(302, b"", Location=f"{self.server.elsewhere}/search?q=followed")
            elif "file" in text:
                self._answer(302, b"", Location="file:///etc/passwd")
            elif "endless" in text:
                self._answer(200, b'[{"display_name": "' + b"x" * 5_000_000 + b'"}]')
            elif "drip" in text:
                self._drip()
            elif "unknown" in text:
                self._answer(200, b"[]")
            else:
                self._answer(200, json.dumps(FOUND).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        """A byte every tenth of a second, for 20 seconds."""
        self.send_response(200)
        self.send_header("Content-Length", "200")
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.1)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextlib.contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """The stub in a thread of its own."""
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.shutdown()
        stub.server_close()
        thread.join(5)
