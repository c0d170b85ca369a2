"""One question to the operator's Nominatim through geopy: fixed host, no redirects, three seconds, one megabyte."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from geopy.adapters import AdapterHTTPError, URLLibAdapter
from geopy.exc import (
    GeocoderInsufficientPrivileges,
    GeocoderParseError,
    GeocoderQuotaExceeded,
    GeocoderServiceError,
    GeocoderTimedOut,
    GeopyError,
)
from geopy.geocoders import Nominatim

from app.places.distance import geodesic_km
from app.places.place import Place, Resolution, coarse

USER_AGENT = "Sonotriage (self-hosted reading of breast-ultrasound pictures)"
CREDIT = "Place search: Nominatim, © OpenStreetMap contributors (ODbL)"
TIMEOUT_S = 3.0
MAX_BYTES = 1_000_000
MAX_MATCHES = 5
SAME_PLACE_KM = 3.0  # a town and its own boundary are listed twice
_TOWNS = ("city", "town", "village", "municipality", "hamlet", "county")  # of an address, the first that is there


class NoAnswer(Exception):
    """Nominatim gave no usable answer. `is_refusal`: it asked not to be asked (401, 403, 429)."""

    def __init__(self, reason: str, is_refusal: bool = False) -> None:
        super().__init__(reason)
        self.is_refusal = is_refusal


class BadAddress(ValueError):
    """NOMINATIM_URL is no plain http(s) address."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirect could lead to a host that the operator never named; it is an error instead."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class _Adapter(URLLibAdapter):  # type: ignore[misc]
    """geopy's way out, narrowed: no redirects, a deadline for the whole answer, and a limit to its size."""

    def __init__(self, *, proxies: Any, ssl_context: Any) -> None:
        super().__init__(proxies=proxies, ssl_context=ssl_context)
        # No ProxyHandler argument means the system's proxies, as in geopy when `proxies` is None.
        handlers = [] if proxies is None else [ProxyHandler(proxies)]
        self._open = build_opener(HTTPSHandler(context=ssl_context), *handlers, _NoRedirect).open

    def get_text(self, url: str, *, timeout: float, headers: Mapping[str, str]) -> str:
        deadline = time.monotonic() + timeout
        try:
            # The scheme and the host were checked in `client`; only the query comes from outside.
            with self._open(Request(url, headers=dict(headers)), timeout=timeout) as answer:  # noqa: S310
                return _text(answer, deadline)
        except HTTPError as error:
            with error:
                raise AdapterHTTPError(str(error), status_code=error.code, headers={}, text="") from error
        except TimeoutError as error:
            raise GeocoderTimedOut("timed out") from error
        except (URLError, OSError, HTTPException) as error:
            raise GeocoderServiceError(type(error).__name__) from error


class _Client(Nominatim):  # type: ignore[misc]
    """Hands out results as they came: geopy turns missing coordinates into 0, 0."""

    def _parse_code(self, place: Any) -> Any:
        return place


def _text(answer: Any, deadline: float) -> str:
    """Read in pieces, so that a server that drips one byte a second can't hold the thread."""
    content = b""
    while piece := answer.read1(65536):
        content += piece
        if len(content) > MAX_BYTES:
            raise GeocoderServiceError("answer too long")
        if time.monotonic() > deadline:
            raise GeocoderTimedOut("answer too slow")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GeocoderParseError("answer is no text") from error


def client(address: str) -> Nominatim:
    """geopy's Nominatim for an address such as "https://nominatim.example.org".

    Raises:
        BadAddress: not http(s), no host, or with a user name, query or fragment.
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise BadAddress("NOMINATIM_URL must look like https://nominatim.example.org")
    if parts.query or parts.fragment:
        raise BadAddress("NOMINATIM_URL must not have a query or a fragment")
    path = parts.path.rstrip("/").removesuffix("/search")
    return _Client(
        domain=f"{parts.netloc}{path}",
        scheme=parts.scheme,
        user_agent=USER_AGENT,
        timeout=TIMEOUT_S,
        adapter_factory=_Adapter,
    )


def ask(nominatim: Nominatim, text: str) -> Resolution:
    """Send a text and read the places of the answer.

    Raises:
        NoAnswer: refused, unreachable, too slow, or not the JSON of Nominatim.
    """
    try:
        found = nominatim.geocode(
            text, exactly_one=False, limit=MAX_MATCHES, addressdetails=True, language="en", timeout=TIMEOUT_S
        )
        places = [_place(result) for result in found or ()]
    except (GeocoderInsufficientPrivileges, GeocoderQuotaExceeded) as error:
        raise NoAnswer(type(error).__name__, is_refusal=True) from error
    # Whatever a foreign server sends; JSON that nests deeper than the interpreter's stack is a RecursionError.
    except (GeopyError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NoAnswer(type(error).__name__) from error
    places = _distinct(places)
    return Resolution(tuple(places), total=len(places), credit=CREDIT)


def _place(result: Any) -> Place:
    """One result as a place, as coarse as one that a browser gives.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the result is not what Nominatim documents.
    """
    latitude, longitude = float(result["lat"]), float(result["lon"])
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        raise ValueError("coordinates out of range")
    country = str(result.get("address", {}).get("country_code", "")).upper()
    is_code = len(country) == 2 and country.isascii() and country.isalpha()
    return coarse(latitude, longitude, _label(result), country if is_code else None)


def _label(result: Any) -> str:
    """Town, region and country; where no town is named, the last parts of the address, without street and number."""
    address = result.get("address", {})
    town = next((str(address[kind]) for kind in _TOWNS if kind in address), None)
    if town is None:
        return ", ".join(str(result["display_name"]).split(", ")[-3:])
    return ", ".join(dict.fromkeys([town, *(str(address[kind]) for kind in ("state", "country") if kind in address)]))


def _distinct(places: list[Place]) -> list[Place]:
    """Without the results that lie beside an earlier one, which Nominatim holds for more important."""
    kept: list[Place] = []
    for place in places:
        beside = (geodesic_km(place.latitude, place.longitude, other.latitude, other.longitude) for other in kept)
        if all(distance_km > SAME_PLACE_KM for distance_km in beside):
            kept.append(place)
    return kept
