"""Who a browser is, by its signed cookie."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient

from app.serving import visitors


@pytest.fixture
def visited() -> Flask:
    """A bare application that tells the browser who it is."""
    app = Flask("visited")
    app.config.update(SECRET_KEY="for tests only", COOKIE_SECURE=False)
    app.add_url_rule("/owner", "owner", lambda: jsonify([visitors.owner(), visitors.owner()]))
    app.add_url_rule("/known", "known", lambda: jsonify(visitors.known_owner()))
    app.add_url_rule("/is/<owner>", "is_owner", lambda owner: jsonify(visitors.is_owner(owner)))
    return app


def owner_of(client: FlaskClient) -> str:
    first, second = client.get("/owner").json
    assert first == second
    return str(first)


def test_a_browser_stays_the_same_owner(visited: Flask) -> None:
    client = visited.test_client()
    assert owner_of(client) == owner_of(client)


def test_two_browsers_are_two_owners(visited: Flask) -> None:
    assert owner_of(visited.test_client()) != owner_of(visited.test_client())


def test_the_owner_is_a_hash_and_not_the_secret_in_the_cookie(visited: Flask) -> None:
    client = visited.test_client()
    owner = owner_of(client)
    cookie = client.get_cookie(visitors.COOKIE)
    assert cookie is not None
    assert len(owner) == 64
    assert owner not in cookie.value


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visited: Flask) -> None:
    cookie = visited.test_client().get("/owner").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_behind_https_the_cookie_is_secure(visited: Flask) -> None:
    visited.config["COOKIE_SECURE"] = True
    assert "Secure" in visited.test_client().get("/owner").headers["Set-Cookie"]


def test_asking_whether_a_browser_is_known_sets_no_cookie(visited: Flask) -> None:
    answer = visited.test_client().get("/known")
    assert answer.json is None
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "change", [lambda text: text[:-2] + "xx", lambda text: "x" + text, lambda _: "", lambda _: "."]
)
def test_a_changed_cookie_is_nobody(visited: Flask, change: Callable[[str], str]) -> None:
    client = visited.test_client()
    owner = owner_of(client)
    cookie = client.get_cookie(visitors.COOKIE)
    assert cookie is not None
    client.set_cookie(visitors.COOKIE, change(cookie.value))
    assert client.get(f"/is/{owner}").json is False


def test_only_the_owner_is_the_owner(visited: Flask) -> None:
    mine, other = visited.test_client(), visited.test_client()
    owner = owner_of(mine)
    owner_of(other)
    assert mine.get(f"/is/{owner}").json is True
    assert other.get(f"/is/{owner}").json is False
