"""Remembers in which browsers a user has logged in before, so that strangers' wrong passwords don't slow the owner.

The cookie gives no right at all: it only says which lane of `slowdown` a try counts in.
"""

from __future__ import annotations

import secrets

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from app.accounts.names import folded_name

COOKIE = "known_browser"
KEPT_S = 365 * 24 * 3600


def lane(name: str) -> str:
    """Whose tries count together: this browser's own when this user has logged in with it, else everyone's."""
    name = folded_name(name)
    try:
        known_name, browser = _serializer().loads(request.cookies.get(COOKIE, ""))
    except (BadSignature, ValueError, TypeError):
        return name
    return f"{name} {browser}" if known_name == name else name


def remember(response: Response, name: str) -> Response:
    """Mark this browser as one in which `name` has logged in."""
    response.set_cookie(
        COOKIE,
        _serializer().dumps([folded_name(name), secrets.token_hex(8)]),
        max_age=KEPT_S, path="/login", httponly=True, samesite="Lax", secure=current_app.config["COOKIE_SECURE"],
    )  # fmt: skip
    return response


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=COOKIE)
