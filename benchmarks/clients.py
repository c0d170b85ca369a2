"""Clients of the servers: a program at the JSON interface, a person at the form, a program at a peer.

Each sends one picture over a connection of its own that stays open, and returns when it has the answer.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

TIMEOUT_S = 180
BOUNDARY = "sonotriage-benchmark-7d1f0c2b9a"
_WAITING_SCRIPT = Path(__file__).parent.parent / "static" / "js" / "waiting.js"
_TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')
_WAITING = re.compile(rb'data-waiting="([^"]+)"')


@dataclass(frozen=True)
class Reply:
    """Status, headers (lower case) and body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Outcome:
    """What became of an upload. `code` is "ok", an HTTP status, or the name of what broke.

    `study_id` names what the server acknowledged; `milliseconds` are the server's own, by stage.
    """

    code: str
    study_id: str | None = None
    milliseconds: dict[str, float] = field(default_factory=dict)
    has_retry_after: bool = False


class Client:
    """A keep-alive connection, opened again when the server closed it while it was idle."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._used = False

    def prepare(self) -> None:
        """What is done once, before anything is timed."""

    def send(self, content: bytes) -> Outcome:
        """Upload a PNG and wait for its answer."""
        try:
            return self._send(content)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._used = False
            return Outcome(type(error).__name__)

    def _send(self, content: bytes) -> Outcome:
        raise NotImplementedError

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            return self._exchange(method, path, body, named)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if not self._used:
                raise
            self._connection.close()  # the server had closed the idle connection: not its fault, and nothing was taken
            self._used = False
            return self._exchange(method, path, body, named)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        self._received(answer)
        reply = Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        self._used = True
        return reply

    def _received(self, answer: http.client.HTTPResponse) -> None:
        """For clients that keep something of every answer."""


class PeerClient(Client):
    """`POST /read` with the picture in the field `file`."""

    def _send(self, content: bytes) -> Outcome:
        reply = self._ask("POST", "/read", multipart(content, "file"), Content_Type=multipart_type())
        has_answer = reply.status == 200 and "probabilities" in json.loads(reply.body)
        return Outcome("ok" if has_answer else str(reply.status))


class ApiClient(Client):
    """`POST /api/v1/studies`; where that says 202, asks for the study as it bids until it is read."""

    waits = True

    def _send(self, content: bytes) -> Outcome:
        reply = self._ask("POST", "/api/v1/studies", multipart(content, "file"), Content_Type=multipart_type())
        if reply.status not in (200, 201, 202):
            return Outcome(str(reply.status), has_retry_after="retry-after" in reply.headers)
        study = json.loads(reply.body)
        while self.waits and study["status"] == "queued":
            time.sleep(float(reply.headers["retry-after"]))
            reply = self._ask("GET", f"/api/v1/studies/{study['id']}")
            if reply.status != 200:
                return Outcome(f"{reply.status} while waiting", study["id"])
            study = json.loads(reply.body)
        return _outcome(study)


class AcknowledgedClient(ApiClient):
    """Leaves with the acknowledgement."""

    waits = False


class FormClient(Client):
    """A browser: cookies, the form's token, the waiting page with its script's pauses, then the result page."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._cookies: dict[str, str] = {}
        self._token = ""

    def prepare(self) -> None:
        """Open the upload page, which brings the cookies and the form's token."""
        self._token = _found(_TOKEN, self._page("GET", "/").body).decode()

    def _send(self, content: bytes) -> Outcome:
        body = multipart(content, "picture", csrf_token=self._token)
        reply = self._page("POST", "/", body, Content_Type=multipart_type())
        if reply.status != 303:
            return Outcome(str(reply.status), has_retry_after="retry-after" in reply.headers)
        return self._result(reply.headers["location"])

    def _result(self, address: str) -> Outcome:
        study_id, pause_s = address.rstrip("/").rpartition("/")[2], waiting_pause_s() / 2
        page = self._page("GET", address)
        while page.status == 200 and (waiting := _WAITING.search(page.body)):
            while True:
                time.sleep(pause_s)
                pause_s = waiting_pause_s()
                status = self._page("GET", waiting[1].decode(), Accept="application/json")
                if status.status != 200 or json.loads(status.body)["is_finished"]:
                    break
            page = self._page("GET", address)
        return Outcome("ok" if page.status == 200 else str(page.status), study_id)

    def _page(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return self._ask(method, path, body, **headers)

    def _received(self, answer: http.client.HTTPResponse) -> None:
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value


CLIENTS: dict[str, type[Client]] = {
    "api": ApiClient,
    "form": FormClient,
    "peer": PeerClient,
    "acknowledged": AcknowledgedClient,
}


def multipart(content: bytes, name: str, **texts: str) -> bytes:
    """A multipart/form-data body with one file and some text fields."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'.encode()
        for key, text in texts.items()
    ]
    head = f'Content-Disposition: form-data; name="{name}"; filename="picture.png"\r\nContent-Type: image/png\r\n\r\n'
    return b"".join([*parts, f"--{BOUNDARY}\r\n{head}".encode(), content, f"\r\n--{BOUNDARY}--\r\n".encode()])


def multipart_type() -> str:
    """The header that goes with `multipart`."""
    return f"multipart/form-data; boundary={BOUNDARY}"


@cache
def waiting_pause_s() -> float:
    """The pause between two questions of the waiting page, as its script has it."""
    return int(_found(re.compile(rb"const PAUSE_MS = (\d+);"), _WAITING_SCRIPT.read_bytes())) / 1000


def _outcome(study: dict[str, Any]) -> Outcome:
    is_kept = study["status"] in ("done", "queued")
    return Outcome("ok" if is_kept else study["status"], study["id"], study["milliseconds"])


def _found(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    match = pattern.search(text)
    if match is None:
        raise http.client.HTTPException(f"{pattern.pattern!r} is not there")
    return match[1]
