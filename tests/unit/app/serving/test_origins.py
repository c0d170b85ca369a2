"""What changes something here is asked for by our own pages and by programs, and by no other site's page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

MakeApp = Callable[..., Flask]
JSON = {"Accept": "application/json"}
WRITES = [("POST", "/"), ("POST", "/login"), ("POST", "/api/v1/studies"), ("DELETE", f"/api/v1/studies/{'0' * 32}")]
ELSEWHERE = {
    "a form of another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "a link that posts": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour of the same domain": {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
    "an older browser": {"Origin": "https://evil.example"},
    "another port of this machine": {"Origin": "http://localhost:9000"},
    "a sandboxed page": {"Origin": "null"},
    "a file": {"Origin": "file://"},
    "an origin that can't be read": {"Origin": "http://[::1"},
    "a name that only begins like ours": {"Origin": "http://localhost.evil.example"},
    "a word that no browser says": {"Sec-Fetch-Site": "friendly"},
}
OWN = {
    "our page": {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    "our page, in a browser that names the port": {"Origin": "http://localhost:80"},
    "our page behind HTTPS that nobody told us of": {"Origin": "https://localhost"},
    "a person at the address line": {"Sec-Fetch-Site": "none"},
    "a program": {},
}


def code(client: FlaskClient, method: str, path: str, headers: dict[str, str]) -> str:
    answer = client.open(path, method=method, headers=JSON | headers)
    return str((answer.json or {}).get("code")) if answer.mimetype == "application/json" else str(answer.status_code)


@pytest.mark.parametrize("case", ELSEWHERE)
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_page_of_another_site_changes_nothing(client: FlaskClient, method: str, path: str, case: str) -> None:
    answer = client.open(path, method=method, headers=JSON | ELSEWHERE[case])
    assert (answer.status_code, answer.json["code"]) == (403, "other_site")


@pytest.mark.parametrize("case", OWN)
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_our_own_pages_and_programs_go_on(client: FlaskClient, method: str, path: str, case: str) -> None:
    assert code(client, method, path, OWN[case]) != "other_site"


@pytest.mark.parametrize("case", ELSEWHERE)
def test_links_from_other_sites_still_lead_here(client: FlaskClient, case: str) -> None:
    assert client.get("/", headers=ELSEWHERE[case]).status_code == 200


def test_the_names_that_the_operator_allows_are_ours_whatever_a_proxy_makes_of_the_host(make_app: MakeApp) -> None:
    client = make_app(ALLOWED_HOSTS=("triage.example.org",)).test_client()
    told = {"Sec-Fetch-Site": "cross-site", "Origin": "https://triage.example.org"}
    assert code(client, "POST", "/api/v1/studies", told) == "no_file"
    told["Origin"] = "https://triage.example.org:9000"
    assert code(client, "POST", "/api/v1/studies", told) == "other_site"


def test_a_person_gets_a_page_with_the_sentence(client: FlaskClient) -> None:
    answer = client.post("/", headers={"Accept": "text/html", "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "sent from a page of another site" in answer.text
