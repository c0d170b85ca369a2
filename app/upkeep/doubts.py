"""Settings that the product starts with, and that are likely not meant so."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Mapping
from typing import Any

from app.config import PREFIX, SETTINGS

NO_SETTINGS = frozenset({"FAILPOINT", "DATA"})  # read elsewhere: app/store/failpoints.py, training


def doubts(environment: Mapping[str, str], settings: Mapping[str, Any]) -> list[str]:
    """Sentences for the operator.

    Args:
        settings: what `config.load` made of the environment.
    """
    return [*_unknown(environment), *_exposed(settings)]


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = {setting.name for setting in SETTINGS}
    found = []
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if variable == name or name in known | NO_SETTINGS:
            continue
        near = difflib.get_close_matches(name, known, 1)
        hint = f" Is {PREFIX}{near[0]} meant?" if near else ""
        found.append(f"There is no setting {variable}, so it changes nothing.{hint}")
    return found


def _exposed(settings: Mapping[str, Any]) -> list[str]:
    """What is unsafe where other machines come in."""
    if is_loopback(settings["LISTEN"]):
        return []
    listens, found = f"LISTEN={settings['LISTEN']} lets other machines in", []
    if not settings["COOKIE_SECURE"]:
        found.append(
            f"{listens}, and COOKIE_SECURE=no: logins travel unencrypted, and whoever listens in can take them over. "
            "Put HTTPS in front and set COOKIE_SECURE=yes."
        )
    if not settings["ALLOWED_HOSTS"]:
        found.append(
            f"{listens}, and ALLOWED_HOSTS is empty: this server answers to any name that is made to lead here. "
            "Name its own."
        )
    return found


def is_loopback(address: str) -> bool:
    """True for an address that only this machine reaches."""
    bare = address.removeprefix("[").removesuffix("]")
    return bare == "localhost" or ipaddress.ip_address(bare).is_loopback
