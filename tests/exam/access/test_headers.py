"""What every answer carries to protect the browser that gets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.route_table import Route
from tests.exam.senders.browser_client import Answer, Browser
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

WANTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PERSONAL = ("/admin", "/account", "/login", "/r/", "/api/v1/studies")
headers = exam(
    "B66",
    given="Every address of the route table, as visitor and as admin, and every kind of refusal",
    expected="Content-Security-Policy without inline script, frame-ancestors, nosniff and the rest on each answer; "
    "cookies closed to scripts and other sites; with HTTPS also Secure and Strict-Transport-Security",
)


@pytest.fixture(scope="module")
def server(outermost: Server) -> Server:
    """What strangers reach."""
    return outermost


@pytest.fixture(scope="module")
def image_id(server: Server) -> str:
    return Browser(server).sent_and_read(encoded(ultrasound(66)))


def assert_protected(answer: Answer, path: str) -> None:
    for name, value in WANTED.items():
        assert answer.headers.get_all(name) == [value], f"{path} {answer.status}: {name}"
    (policy,) = answer.headers.get_all("Content-Security-Policy", [])
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";") if rule.strip()}
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules["default-src"] in (["'self'"], ["'none'"])
    if answer.headers.get_content_type() == "text/html":
        assert rules["script-src"] == rules["style-src"] == ["'self'"]
        assert rules["form-action"] == ["'self'"]
        assert rules["object-src"] == rules["base-uri"] == ["'none'"]
        assert_no_inline(answer.text, path)
    if path.startswith(PERSONAL):
        assert "public" not in answer.headers["Cache-Control"], path
    assert "X-Powered-By" not in answer.headers
    assert "Werkzeug" not in answer.headers.get("Server", "")


def assert_no_inline(page: str, path: str) -> None:
    """Nothing on the page needs an exception from the policy, and nothing is fetched from elsewhere."""
    text = page.lower()
    for found in ("<style", " style=", " onclick=", " onload=", " onerror=", "javascript:", "<base", "<iframe"):
        assert found not in text, f"{path}: {found}"
    for piece in text.split("<script")[1:]:
        assert 'src="/static/' in piece.split(">")[0] or 'type="application/json"' in piece.split(">")[0], path
    for attribute in ('src="http', "src='http", 'src="//', 'rel="stylesheet" href="http'):
        assert attribute not in text, f"{path}: {attribute}"


@headers
def test_every_address_answers_with_them(
    server: Server, chief: Browser, routes: list[Route], image_id: str, seen: Callable[[str], None]
) -> None:
    answers: list[int] = []
    for route in routes:
        for browser in (Browser(server), chief):
            for method in sorted(route.methods | {"TRACE"}):
                if method == "POST" and browser is chief:
                    continue  # the next test
                path = route.path(image_id=image_id)
                answer = browser.ask(method, path)
                assert_protected(answer, path)
                answers.append(answer.status)
    assert {200, 302, 403, 404, 405} <= set(answers)
    seen(f"{len(answers)} answers of {len(routes)} addresses, statuses {sorted(set(answers))}")


@headers
def test_every_kind_of_refusal_carries_them(server: Server, chief: Browser, seen: Callable[[str], None]) -> None:
    visitor = Browser(server)
    visitor.get("/")
    refused = {
        400: visitor.ask("GET", "/", headers={"Host": "evil example"}),
        401: visitor.post("/admin/images/x/rerun"),
        403: visitor.post("/logout", token=""),
        404: visitor.get("/nothing/<script>alert(1)</script>"),
        405: visitor.ask("PATCH", "/about"),
        413: visitor.ask("POST", "/", headers={"Content-Length": str(10**10)}),
        414: visitor.get("/" + "x" * 5000),
        415: visitor.ask("POST", "/api/v1/studies", b"x", {"Content-Encoding": "gzip"}),
        422: chief.post("/admin/users", name="", password="", role="x"),
        431: visitor.get("/", **{"X-Long": "x" * 9000}),
    }
    for status, answer in refused.items():
        assert answer.status == status
        assert_protected(answer, f"refusal {status}")
    script = visitor.ask("GET", "/nothing", headers={"Accept": "application/json"})
    assert_protected(script, "/nothing")
    assert len(script.headers["X-Request-ID"]) == 32
    seen(", ".join(map(str, refused)))


@headers
def test_cookies_are_closed_to_scripts_and_other_sites(server: Server, chief: Browser) -> None:
    browser = Browser(server)
    lines = browser.get("/").cookies + browser.send([("picture", "a.png", encoded(ultrasound(67)))]).cookies
    lines += browser.log_in("chief").cookies
    names = {line.split("=", 1)[0] for line in lines}
    assert names == {"session", "visitor", "known_browser"}
    for line in lines:
        assert "; HttpOnly" in line
        assert "; SameSite=Lax" in line
        assert "Domain=" not in line
        assert "Secure" not in line  # plain HTTP on this machine: a browser would not send them back


@pytest.fixture
def behind_https(launch: Launch, tiny_models: Path) -> Server:
    server = launch("https", tiny_models, COOKIE_SECURE="yes", TRUSTED_PROXIES="1")
    return server.start()


@headers
def test_with_https_in_front_cookies_and_addresses_stay_on_https(behind_https: Server) -> None:
    secure = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    behind_https.flask("create-admin", "chief", text="seven slow green trams\n")
    browser = Browser(behind_https)
    for path in ("/", "/nothing", "/admin/", "/api/v1/openapi.json", "/static/css/base.css", "/health/live"):
        answer = browser.ask("GET", path, headers=secure)
        assert "max-age=" in answer.headers["Strict-Transport-Security"], path
        assert int(answer.headers["Strict-Transport-Security"].split("max-age=")[1].split(";")[0]) >= 180 * 24 * 3600
        assert "http://" not in answer.location
        assert all("; Secure" in line for line in answer.cookies), path
    token = browser.ask("GET", "/login", headers=secure).token
    body = f"csrf_token={token}&name=chief&password=seven+slow+green+trams".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"https://127.0.0.1:{behind_https.port}/"}
    answer = browser.ask("POST", "/login", body, {**secure, **kind})
    assert answer.status == 302
    assert len(answer.cookies) == 2
    assert all("; Secure" in line for line in answer.cookies)
    kind["Referer"] = "https://evil.example/"
    assert browser.ask("POST", "/logout", b"csrf_token=" + token.encode(), {**secure, **kind}).status == 403
