"""Writes from other sites: whatever page somebody has open, it can't make their browser change anything here.

A browser says itself where a request comes from, and no page can change what it says (`Sec-Fetch-Site` and `Origin`;
Fetch Metadata, W3C, and the Fetch standard, section 3.1). Programs send neither header and go on. On plain HTTP a
browser leaves `Sec-Fetch-Site` out for any address but this machine's own, so `Origin` is asked then.

This stands beside the token of the forms: it also covers the JSON interface, which has none.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, current_app, request

from app.refusals.interface import OtherSite

READING = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = frozenset({"same-origin", "none"})  # "none": the person did it, by a bookmark or in the address line
_USUAL_PORTS = {"http": ":80", "https": ":443"}


def bind(app: Flask) -> None:
    """Look at every request before its body is."""
    app.before_request(check)


def check() -> None:
    """Refuse a request that changes something and that a page of another site makes.

    Raises:
        OtherSite.
    """
    if request.method not in READING and _is_from_elsewhere():
        raise OtherSite


def _is_from_elsewhere() -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in OWN:
        return False
    if origin is None:
        return site is not None
    return not _is_ours(origin)


def _is_ours(origin: str) -> bool:
    """True for the name and port that this request asks for, and for the names that the operator allows."""
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    usual = _USUAL_PORTS.get(found.scheme)
    if usual is None:  # also "null", which a sandboxed page or a file sends
        return False
    name = found.netloc.lower().removesuffix(usual)
    return name == request.host.lower().removesuffix(usual) or name in current_app.config["ALLOWED_HOSTS"]
