"""A browser without scripts for any page: cookies, the token of the form it saw last, names and passwords.

`person.py` has the one that only sends pictures; this one signs in, fills in forms and tries every address.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.exam.senders.person import BOUNDARY, Part, multipart
from tests.factories.server import Server

PASSWORD = "seven slow green trams"
FIRST_PASSWORD = "four loud yellow ferries"  # what an admin or the command line gives
ADMIN, REVIEWER = "chief", "reader"
_TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """What came back; `cookies` are the raw Set-Cookie lines."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    @property
    def cookies(self) -> list[str]:
        return self.headers.get_all("Set-Cookie", [])

    @property
    def token(self) -> str:
        """The token of the page's first form."""
        found = _TOKEN.search(self.text)
        assert found is not None, f"no form: {self.status} {self.text[:300]}"
        return found[1]


class Browser:
    """One browser. Redirects are shown, not followed. `cookies` may be read, copied and planted."""

    def __init__(self, server: Server, cookies: Mapping[str, str] | None = None) -> None:
        self.server = server
        self.cookies: dict[str, str] = dict(cookies or {})

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request, with this browser's cookies."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        sent = {"Accept": "text/html", "Referer": self.server.address + "/", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        self._keep(answer)
        return answer

    def _keep(self, answer: Answer) -> None:
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, token: str | None = None, **fields: str) -> Answer:
        """Send a form; without a `token` the one of the upload page is taken, "" sends none."""
        given = self.get("/").token if token is None else token
        filled = {**({"csrf_token": given} if given else {}), **fields}
        return self.ask("POST", path, urlencode(filled).encode(), {"Content-Type": "application/x-www-form-urlencoded"})

    def send(self, parts: list[Part], path: str = "/", token: str | None = None) -> Answer:
        """Send a form with files; the token as in `post`."""
        given = self.get("/").token if token is None else token
        body = multipart([*([("csrf_token", None, given.encode())] if given else []), *parts])
        return self.ask("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})

    def sent_and_read(self, content: bytes, name: str = "picture.png", **fields: str) -> str:
        """Send a picture, wait until it is read, and return its id."""
        texts: list[Part] = [(field, None, text.encode()) for field, text in fields.items()]
        answer = self.send([("picture", name, content), *texts])
        assert answer.status == 303, answer.text[:500]
        image_id = answer.location.removeprefix("/r/").split("?")[0]
        deadline = time.monotonic() + 60
        while not json.loads(self.get(f"/r/{image_id}/status").content)["is_finished"]:
            assert time.monotonic() < deadline, "the picture was not read"
            time.sleep(0.1)
        return image_id

    def log_in(self, name: str, password: str = PASSWORD, **fields: str) -> Answer:
        return self.post("/login", self.get("/login").token, name=name, password=password, **fields)

    @property
    def is_inside(self) -> bool:
        """True when the triage list opens."""
        return self.get("/admin/").status == 200


def admin(server: Server, name: str = ADMIN) -> Browser:
    """A signed-in browser of a new admin, made on the command line."""
    server.flask("create-admin", name, text=f"{FIRST_PASSWORD}\n")
    return settled(server, name)


def add_user(by: Browser, name: str, role: str) -> int:
    """Let an admin's browser add a user, who then chooses PASSWORD; returns the id that the page's forms use."""
    added = by.post("/admin/users", name=name, role=role, password=FIRST_PASSWORD, own_password=PASSWORD)
    assert added.status == 302, added.text[:500]
    settled(by.server, name)
    ids = re.findall(r'action="/admin/users/(\d+)/role"', by.get("/admin/users").text.split(f"of {name}<")[0])
    return int(ids[-1])


def settled(server: Server, name: str) -> Browser:
    """Sign a new user in for the first time and choose PASSWORD, as has to be done before anything else."""
    browser = Browser(server)
    assert browser.log_in(name, FIRST_PASSWORD).status == 302
    token = browser.get("/account").token
    chosen = browser.post("/account", token, present=FIRST_PASSWORD, password=PASSWORD, again=PASSWORD)
    assert chosen.status == 302, chosen.text[:500]
    return browser


def signed_in(server: Server, name: str) -> Browser:
    browser = Browser(server)
    answer = browser.log_in(name)
    assert answer.status == 302, answer.text[:500]
    return browser
