"""Requests that somebody passed on: whether they say so, and a word to the operator where nobody was announced."""

from __future__ import annotations

import logging
import threading

from flask import Flask, request

# Whoever passes a request on says so in one of these, unless told to be silent.
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")

log = logging.getLogger(__name__)


def is_passed_on() -> bool:
    """True when the present request says that somebody passed it on."""
    return any(name in request.headers for name in PASSED_ON)


def bind(app: Flask) -> None:
    """Where no proxy is trusted, say once that requests come through one: all people share its address then."""
    if app.config["TRUSTED_PROXIES"]:
        return
    untold = threading.Lock()  # taken by the first who tells, and never given back

    @app.before_request
    def tell() -> None:
        if is_passed_on() and untold.acquire(blocking=False):
            log.warning(
                "Requests come with X-Forwarded headers, which are not believed: everybody counts as the same address. "
                "If a proxy of yours stands in front, set TRUSTED_PROXIES; if not, somebody is trying what they do."
            )
