"""Who may read the figures: whoever brings METRICS_TOKEN, and this machine itself when nobody stands in between."""

from __future__ import annotations

import hmac
import ipaddress
import re

from flask import current_app, request

from app.refusals.interface import FiguresClosed
from app.serving.forwarding import is_passed_on
from app.serving.security import OWN_HOSTS

_PORT = re.compile(r":\d*\Z")


def check() -> None:
    """Let only those go on who may read the figures.

    Raises:
        FiguresClosed.
    """
    if not (_has_token() or _is_this_machine()):
        raise FiguresClosed


def _has_token() -> bool:
    """Compared in constant time."""
    token: str = current_app.config["METRICS_TOKEN"]
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _is_this_machine() -> bool:
    """True when the connection comes from this machine, by a name of its own, and nobody passed it on.

    Behind a proxy every connection comes from there: a trusted one, one that says so in a header, or one on a Unix
    socket, which has no address. A page that lets its own name lead here (DNS rebinding) asks for that name.
    """
    if current_app.config["TRUSTED_PROXIES"] or is_passed_on():
        return False
    return _is_loopback(request.remote_addr or "") and _PORT.sub("", request.host.lower()) in OWN_HOSTS


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
