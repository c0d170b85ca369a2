"""What protects every answer and every request: headers, limits of the body, proxies, names of the host.

Sources: OWASP ASVS 5.0 chapters 3.3, 3.4 and 5.2; Werkzeug's advisories on multipart bodies.
"""

from __future__ import annotations

import re

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.middleware.proxy_fix import ProxyFix

from server.headers import FILE_POLICY, HEADERS, HTTPS_ONLY, PAGE_POLICY

FORM_OVERHEAD_BYTES = 2_000_000  # multipart borders and the fields beside the file
FIELD_BYTES = 1_500_000  # all fields that are not files; forms refuse long texts in their own words
FORM_PARTS = 50

OWN_HOSTS = ("localhost", "127.0.0.1", "[::1]")  # health checks on the machine itself

_HOST = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$")


def bind(app: Flask) -> None:
    """Set limits and cookies, and put the headers on every answer."""
    settings = app.config
    settings["MAX_CONTENT_LENGTH"] = settings["MAX_UPLOAD_MB"] * 1_000_000 + FORM_OVERHEAD_BYTES
    settings["MAX_FORM_MEMORY_SIZE"] = FIELD_BYTES
    settings["MAX_FORM_PARTS"] = FORM_PARTS
    settings["SESSION_COOKIE_HTTPONLY"] = True
    settings["SESSION_COOKIE_SAMESITE"] = "Lax"
    settings["SESSION_COOKIE_SECURE"] = settings["COOKIE_SECURE"]
    _trust_proxies(app, settings["TRUSTED_PROXIES"])
    app.before_request(_check_request)
    app.after_request(_protect)


def _trust_proxies(app: Flask, count: int) -> None:
    """Believe the X-Forwarded headers of `count` reverse proxies; of none, when nobody stands in front."""
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_port=0, x_prefix=0
        )


def _check_request() -> None:
    """Refuse what no browser and no honest client sends.

    Raises:
        BadRequest: the Host header is no host name, or none of those that the operator allows.
        UnsupportedMediaType: the body is compressed, so its size can't be known before it is unpacked.
    """
    is_old = request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0"  # that alone may leave the host out (RFC 9112, 3.2)
    if not _is_allowed(request.headers.get("Host", OWN_HOSTS[0] if is_old else "")):
        raise BadRequest("This server does not answer to that name.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the file as it is, without compression of the request.")


def _is_allowed(host: str) -> bool:
    """Checked here and not by Flask's TRUSTED_HOSTS, which leaves the error page without a way to build links."""
    found = _HOST.match(host)
    allowed: tuple[str, ...] = current_app.config["ALLOWED_HOSTS"]
    return found is not None and (not allowed or found[1].lower() in {*allowed, *OWN_HOSTS})


def _protect(response: Response) -> Response:
    is_page = response.mimetype in {"text/html", "text/css", "text/javascript"}
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else FILE_POLICY)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HTTPS_ONLY)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
