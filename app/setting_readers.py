"""How the text of a setting is read: each reader gives a value, or a ValueError whose words go on "expected ..."."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LONGEST_LINE = 600

_PHONE = re.compile(r"\+?[\d ()./-]{5,38}(?: ?ext\.? ?\d{1,7})?")
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9._-]+")
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)


@dataclass(frozen=True)
class Whole:
    """Reads a whole number within bounds, both included."""

    least: int
    most: int

    def __call__(self, text: str) -> int:
        # No number that anybody means has more digits than the upper bound; int() reads "1_0" and "\u0661", too.
        is_plain = text.isascii() and text.isdigit() and len(text.lstrip("0")) <= len(str(self.most))
        if not is_plain or not self.least <= int(text) <= self.most:
            raise ValueError(f"expected a whole number from {self}")
        return int(text)

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


def flag(text: str) -> bool:
    """Yes or no."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("expected yes or no")


def names(text: str) -> tuple[str, ...]:
    """What stands between commas, in small letters."""
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def hosts(text: str) -> tuple[str, ...]:
    """Names of hosts, in small letters."""
    found = names(text)
    for name in found:
        if not _HOST.fullmatch(name):
            raise ValueError("expected host names with commas, without http:// and without a port")
    return found


def address(text: str) -> str:
    """An address that a server listens on."""
    if text != "localhost":
        try:
            ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError("expected an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::") from None
    return text


def url(text: str) -> str:
    """A web address, or nothing."""
    if text and not (_URL.fullmatch(text) and _has_host(text)):
        raise ValueError("expected an address that begins with http:// or https://, without a name or a password")
    return text


def _has_host(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_no_name = parts.username is None  # what stands before an @ would be shown wherever the setting is
        return (
            has_no_name and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        )  # the port is read when asked
    except ValueError:
        return False


def line(text: str) -> str:
    """A few sentences for people, on one line."""
    if len(text) > LONGEST_LINE or not text.isprintable():
        raise ValueError(f"expected at most {LONGEST_LINE} characters, without line breaks")
    return text.strip()


def phone(text: str) -> str:
    """A phone number as people write it, or nothing."""
    number = text.strip()
    digits = sum(character.isdigit() for character in number.partition("ext")[0])
    if number and not (number.isascii() and _PHONE.fullmatch(number) and 5 <= digits <= 15):
        raise ValueError("expected a phone number of 5 to 15 digits, such as +254 20 555 0101")
    return number


def folder(text: str) -> Path:
    """A path."""
    if not text.isprintable():
        raise ValueError("expected the path of a folder")
    return Path(text)


def secret_key(text: str) -> str:
    """A secret that cookies are signed with; nothing leaves it to the product."""
    if text and (len(text) < 32 or len(set(text)) < 8):
        raise ValueError(
            "whoever guesses it can sign in as anybody. Leave it empty, and a good one is made and kept in DATA_DIR, "
            "or set at least 32 characters by chance"
        )
    return text


def token(text: str) -> str:
    """A secret that somebody sends; nothing closes the door."""
    if text and not (len(text) >= 16 and len(set(text)) >= 8 and text.isascii() and text.isprintable()):
        raise ValueError("expected at least 16 ASCII characters by chance")
    return text
