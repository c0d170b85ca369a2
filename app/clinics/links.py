"""Addresses that a page may link to. Nothing here is requested by the server."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

MAX_WEBSITE_LENGTH = 300
_EXTENSION = re.compile(r"(?:ext\.?|extension|poste|x)\s*(\d{1,7})\s*$", re.IGNORECASE)
_NOT_IN_ADDRESS = re.compile(r"[\s<>\"'`{}|\\^\x00-\x1f]")


def website(text: str) -> str:
    """The address when it is http or https with a host, else "": `javascript:` and the like never reach a page."""
    text = text.strip()
    if text.lower().startswith("www."):
        text = f"http://{text}"
    if len(text) > MAX_WEBSITE_LENGTH or _NOT_IN_ADDRESS.search(text):
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:  # for instance an unclosed IPv6 bracket
        return ""
    is_plain = parts.scheme in {"http", "https"} and "." in host and "@" not in parts.netloc
    return text if is_plain else ""


def phone(text: str) -> str:
    """A `tel:` link (RFC 3966) for the first number in the text, "" when there is none of 5 to 15 digits."""
    first = re.split(r"[;/,]| or ", text.strip(), maxsplit=1)[0]
    extension = _EXTENSION.search(first)
    number = first[: extension.start()] if extension else first
    digits = re.sub(r"\D", "", number.replace("(0)", ""))
    if not 5 <= len(digits) <= 15:
        return ""
    plus = "+" if number.strip().startswith("+") else ""
    return f"tel:{plus}{digits}" + (f";ext={extension.group(1)}" if extension else "")


def directions(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> str:
    """A route on openstreetmap.org; both points go there only when the person clicks."""
    route = f"{latitude:.4f},{longitude:.4f};{to_latitude:.5f},{to_longitude:.5f}"
    return "https://www.openstreetmap.org/directions?" + urlencode({"route": route}, safe=",;")
