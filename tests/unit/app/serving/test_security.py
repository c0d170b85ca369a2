"""Headers on every answer, and requests that are refused before anything reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, request, session, url_for
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ, run_wsgi_app

from server.headers import HEADERS

MakeApp = Callable[..., Flask]
ANSWERS = ["/", "/health/live", "/nowhere", "/api/v1/nowhere", "/api/v1/docs", "/static/css/base.css", "/login"]


def headers_of(client: FlaskClient, path: str) -> Headers:
    with client.get(path) as answer:  # closes the file of a static answer
        return answer.headers


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_carries_the_protective_headers(client: FlaskClient, path: str) -> None:
    headers = headers_of(client, path)
    for name, value in HEADERS.items():
        assert headers[name] == value, name
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_pages_may_load_only_from_here_and_files_may_load_nothing(client: FlaskClient) -> None:
    assert "default-src 'self'" in client.get("/").headers["Content-Security-Policy"]
    assert client.get("/health/live").headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")


def test_answers_are_not_kept_by_caches_but_styles_are(client: FlaskClient) -> None:
    assert headers_of(client, "/")["Cache-Control"] == "no-store"
    assert headers_of(client, "/static/css/base.css")["Cache-Control"] != "no-store"


def test_strict_transport_is_asked_for_over_https_only(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/health/live").headers
    assert "Strict-Transport-Security" in client.get("/health/live", base_url="https://localhost").headers


@pytest.mark.parametrize(("setting", "is_secure"), [(True, True), (False, False)])
def test_the_session_s_cookie_is_closed_to_scripts_and_other_sites(
    make_app: MakeApp, setting: bool, is_secure: bool
) -> None:
    app = make_app(COOKIE_SECURE=setting)

    @app.get("/remember")
    def remember() -> str:
        session["x"] = 1
        return "x"

    cookie = app.test_client().get("/remember").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) == is_secure


@pytest.mark.parametrize("host", ["evil.example/path", "a b", "x\x00y", "http://x", "user@host", "a:b:c", ""])
def test_a_host_that_is_no_name_is_refused(client: FlaskClient, host: str) -> None:
    assert client.get("/health/live", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(("protocol", "status"), [("HTTP/1.0", 200), ("HTTP/1.1", 400)])
def test_only_the_old_protocol_may_leave_the_host_out(app: Flask, protocol: str, status: int) -> None:
    environment = create_environ("/health/live") | {"SERVER_PROTOCOL": protocol}
    del environment["HTTP_HOST"]
    assert run_wsgi_app(app, environment)[1].startswith(str(status))


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "triage.example.org", "[::1]:8000", "192.0.2.1:80"])
def test_ordinary_hosts_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/health/live", headers={"Host": host}).status_code == 200


def test_only_the_named_hosts_are_answered_where_the_operator_names_them(make_app: MakeApp) -> None:
    client = make_app(ALLOWED_HOSTS=("triage.example.org",)).test_client()
    for host, status in (
        ("triage.example.org", 200), ("localhost:8000", 200), ("127.0.0.1", 200), ("evil.example", 400),
    ):  # fmt: skip
        assert client.get("/health/live", headers={"Host": host}).status_code == status, host


def test_forwarded_headers_are_believed_from_the_counted_proxies_only(make_app: MakeApp) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    seen = []
    for proxies in (0, 1):
        app = make_app(TRUSTED_PROXIES=proxies)

        @app.get("/who")
        def who() -> dict[str, object]:
            return {"address": request.remote_addr, "url": url_for("who", _external=True)}

        seen.append(app.test_client().get("/who", headers=forwarded).json)
    assert seen[0] == {"address": "127.0.0.1", "url": "http://localhost/who"}
    assert seen[1] == {"address": "198.51.100.7", "url": "https://evil.example/who"}


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
@pytest.mark.parametrize("path", ["/", "/api/v1/studies"])
def test_a_compressed_request_is_refused_unread(client: FlaskClient, path: str, encoding: str) -> None:
    headers = {"Content-Encoding": encoding, "Accept": "application/json"}
    answer = client.post(path, data=b"\x1f\x8b", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported")


@pytest.mark.parametrize("path", ["/", "/api/v1/studies"])
def test_a_body_that_says_it_is_huge_is_refused_at_once(client: FlaskClient, path: str) -> None:
    answer = client.post(
        path, data=b"--x", content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": "10000000000"},
    )  # fmt: skip
    assert answer.status_code == 413


def test_other_sites_get_no_permission_to_read(client: FlaskClient) -> None:
    answer = client.get("/api/v1/openapi.json", headers={"Origin": "https://evil.example"})
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
