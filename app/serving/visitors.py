"""Who a browser is: the holder of a random secret in a signed cookie. No name, no address, no fingerprint."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from flask import Response, after_this_request, current_app, g, request
from itsdangerous import BadSignature, URLSafeSerializer

COOKIE = "visitor"
KEPT_S = 365 * 24 * 3600


def owner() -> str:
    """The present browser's owner hash, made on first use and then kept in its cookie.

    Returns:
        sha256 of the secret, as 64 hexadecimal digits; the secret itself is kept by the browser only.
    """
    if "visitor_secret" not in g:
        g.visitor_secret = _secret() or _new_secret()
    return _hash(g.visitor_secret)


def known_owner() -> str | None:
    """The owner hash of a browser that has sent something before, else None. Sets no cookie."""
    secret = g.get("visitor_secret") or _secret()
    return _hash(secret) if secret else None


def is_owner(image_owner: str) -> bool:
    """True when the present browser sent the image with this owner hash."""
    known = known_owner()
    return known is not None and hmac.compare_digest(known, image_owner)


def _secret() -> str | None:
    try:
        secret = _serializer().loads(request.cookies.get(COOKIE, ""))
    except BadSignature:
        return None
    return secret if isinstance(secret, str) else None


def _new_secret() -> str:
    secret = secrets.token_urlsafe(32)

    @after_this_request
    def remember(response: Response) -> Response:
        response.set_cookie(
            COOKIE, str(_serializer().dumps(secret)), max_age=KEPT_S, httponly=True, samesite="Lax",
            secure=current_app.config["COOKIE_SECURE"],
        )  # fmt: skip
        return response

    return secret


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="visitor")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
