"""Whom the cost of an upload is counted against: the user who is signed in, else the network that it came from."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from flask import request
from flask_login import current_user


def of_browser() -> str | None:
    """A signed-in user pays for themselves, so that others behind the same address don't."""
    return f"user {current_user.user_id}" if current_user.is_authenticated else of_program()


def of_program() -> str | None:
    """The sender's address; of an IPv6 address the network of a household, which has any number of them."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket without a proxy's word
        return None
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)
