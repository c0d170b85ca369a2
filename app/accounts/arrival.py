"""What every request of somebody who is logged in meets first: it is remembered as a sign of life, and a password that
somebody else gave has to be changed before anything else is done."""

from __future__ import annotations

from flask import Flask, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.accounts import logins
from app.accounts.errors import FirstPassword

ALWAYS_OPEN = {"accounts.account", "accounts.logout", "static", "health.live", "health.ready", "health.metrics"}
_PROGRAMS = "/api/"


def bind(app: Flask) -> None:
    """Look at each request before its door opens."""
    app.before_request(_arrive)


def _arrive() -> ResponseReturnValue | None:
    """Lead to the change of a first password; acts and programs are refused.

    Raises:
        FirstPassword: for anything but looking at a page.
    """
    is_stranger = current_app.config["SESSION_COOKIE_NAME"] not in request.cookies  # most requests: no question asked
    if is_stranger or request.endpoint == "static" or not current_user.is_authenticated:
        return None
    logins.see(current_user)
    if not current_user.must_change_password or request.endpoint in ALWAYS_OPEN:
        return None
    if request.method not in ("GET", "HEAD") or request.path.startswith(_PROGRAMS):
        raise FirstPassword
    return redirect(url_for("accounts.account"))
