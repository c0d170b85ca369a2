"""A person with a browser that runs no script: keeps cookies, sends the upload form with the token on it."""

from __future__ import annotations

import html
import http.client
import re
import time
from collections.abc import Sequence
from http.cookies import SimpleCookie

from tests.factories.server import Server

BOUNDARY = "exam-boundary"
Part = tuple[str, str | None, bytes]  # field, name of the file (None for a text), content


class Person:
    """One browser. `send` fills in the upload form; `get` opens a page. Redirects are not followed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of a page."""
        return self._ask("GET", path)

    def send(self, content: bytes, name: str = "picture.png") -> tuple[int, dict[str, str], str]:
        """Choose one picture on the first page and send the form."""
        return self.send_parts([("picture", name, content)])

    def send_parts(self, parts: Sequence[Part]) -> tuple[int, dict[str, str], str]:
        """Send the form with these parts beside its token."""
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.get("/")[2])
        assert token is not None, "no form on the first page"
        return self._ask("POST", "/", multipart([("csrf_token", None, token[1].encode()), *parts]))

    def fill_in(self, path: str, **fields: str) -> tuple[int, dict[str, str], str]:
        """Open the page of a form, fill it in and send it."""
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.get(path)[2])
        assert token is not None, f"no form on {path}"
        texts = {"csrf_token": token[1], **fields}
        return self._ask("POST", path, multipart([(name, None, text.encode()) for name, text in texts.items()]))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Accept": "text/html", "Cookie": cookies}
        if body is not None:
            headers |= {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Referer": self._server.address}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie", []):
                self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
            return answer.status, dict(answer.headers), answer.read().decode()
        finally:
            connection.close()


def multipart(parts: Sequence[Part], boundary: str = BOUNDARY) -> bytes:
    """A multipart body, written by hand so that names of files go out as they are."""
    written = []
    for field, name, content in parts:
        disposition = f'form-data; name="{field}"' + ("" if name is None else f'; filename="{name}"')
        written.append(f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n")
    return b"".join(written) + f"--{boundary}--\r\n".encode()


def assert_refused(server: Server, content: bytes, status: int, code: str, name: str = "picture.png") -> str:
    """The same refusal for programs and for people, without a word about the inside; returns the figures of it."""
    started = time.monotonic()
    got, answer = server.upload(content, name)
    milliseconds = (time.monotonic() - started) * 1000
    assert (got, answer.get("code")) == (status, code), f"{got} {answer}"
    assert set(answer) == {"code", "message", "request_id"}
    assert_plain(answer["message"])
    page_status, headers, page = Person(server).send(content, name)
    assert page_status == status
    assert headers["Content-Type"].startswith("text/html")
    assert answer["message"] in html.unescape(page), "the page says something else than the JSON"
    return f"{got} {code} in {milliseconds:.0f} ms"


def assert_plain(sentence: str) -> None:
    """One sentence for a person: no path, no class name, no query."""
    assert sentence.endswith("."), sentence
    for word in ("Traceback", "Error(", "/usr", "/tmp", ".py", "SELECT", "INSERT", "0x"):
        assert word not in sentence, sentence
