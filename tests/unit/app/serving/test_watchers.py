"""The figures are for this machine itself, and for whoever has the token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

MakeApp = Callable[..., Flask]
TOKEN = "figures-for-prometheus-7f3a"


def status(app: Flask, address: str = "127.0.0.1", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().get("/metrics", headers=named, environ_overrides={"REMOTE_ADDR": address}).status_code


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.9.10"])
def test_this_machine_reads_them(app: Flask, address: str) -> None:
    assert status(app, address) == 200
    assert status(app, address, Host="127.0.0.1:8000") == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "", "nonsense"])
def test_other_machines_and_sockets_without_an_address_do_not(app: Flask, address: str) -> None:
    assert status(app, address) == 403


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X_Forwarded_Proto", "Forwarded", "X_Real_IP", "Via"])
def test_a_request_that_was_passed_on_is_not_of_this_machine(app: Flask, name: str) -> None:
    assert status(app, **{name: "127.0.0.1"}) == 403


def test_behind_a_trusted_proxy_no_address_counts(make_app: MakeApp) -> None:
    app = make_app(TRUSTED_PROXIES=1)
    assert status(app) == status(app, X_Forwarded_For="127.0.0.1") == 403


def test_a_name_that_was_made_to_lead_here_is_not_of_this_machine(app: Flask) -> None:
    assert status(app, Host="evil.example:8000") == 403


def test_whoever_has_the_token_reads_them_from_anywhere(make_app: MakeApp) -> None:
    app = make_app(METRICS_TOKEN=TOKEN, TRUSTED_PROXIES=1)
    told = {"X_Forwarded_For": "192.0.2.1", "Authorization": f"Bearer {TOKEN}"}
    assert status(app, **told) == 200
    for wrong in ("", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"bearer{TOKEN}", "Bearer \xe4"):
        assert status(app, **told | {"Authorization": wrong}) == 403, wrong


def test_no_token_is_none_that_fits(app: Flask) -> None:
    assert status(app, "192.0.2.1", Authorization="Bearer ") == 403


def test_the_refusal_says_what_is_asked_for(app: Flask) -> None:
    answer = app.test_client().get("/metrics", headers={"Via": "x", "Accept": "application/json"})
    assert answer.json["code"] == "figures_closed"
    assert "METRICS_TOKEN" in answer.json["message"]
