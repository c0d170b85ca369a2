"""OpenStreetMap as GeoJSON (any export tool) or as Overpass JSON. ODbL: the credit stays with every row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from app.clinics.facts import HOSPITAL
from app.clinics.importing import service
from app.clinics.importing.draft import Draft, ImportRefused, Note, Rows

NAME = "geojson"
TITLE = "OpenStreetMap or other GeoJSON"
SOURCE = "© OpenStreetMap contributors (ODbL)"

Tags = dict[str, str]
Point = tuple[float, float]  # longitude, latitude


def looks_like(text: str) -> bool:
    """True when the text opens like JSON."""
    return text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}


def read(text: str) -> Rows:
    """Yield a draft per hospital, breast or cancer service; its line is the number of the feature, from 1.

    Raises:
        ImportRefused: not JSON, or neither a FeatureCollection nor Overpass elements.
    """
    content = _parsed(text)
    date = str(_dict(content.get("osm3s")).get("timestamp_osm_base", ""))
    for number, (tags, point) in enumerate(_features(content), start=1):
        yield _draft(number, tags, point, date)


def _parsed(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except RecursionError as error:
        raise ImportRefused("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise ImportRefused(f"This is not JSON: {error}.") from error
    if isinstance(content, list):
        content = {"features": content}
    if not isinstance(content, dict) or not isinstance(content.get("features", content.get("elements")), list):
        raise ImportRefused("The JSON is neither a GeoJSON FeatureCollection nor an answer of Overpass.")
    return content


def _features(content: dict[str, Any]) -> Iterator[tuple[Tags, Point | None]]:
    """Tags and position of every feature that has tags; plain corner points of Overpass have none."""
    if "features" in content:
        for feature in content["features"]:
            feature = _dict(feature)
            yield _tags(feature.get("properties")), _centre(_dict(feature.get("geometry")))
        return
    for element in map(_dict, content["elements"]):
        if element.get("tags"):
            spot = element if "lat" in element else _dict(element.get("center"))
            yield _tags(element["tags"]), _point(spot.get("lon"), spot.get("lat"))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _tags(properties: Any) -> Tags:
    """Properties as text; some exporters nest OpenStreetMap's tags one level deeper."""
    found = _dict(properties)
    found = {**found, **_dict(found.get("tags"))}
    return {key: str(value) for key, value in found.items() if isinstance(value, (str, int, float))}


def _point(longitude: Any, latitude: Any) -> Point | None:
    is_numeric = isinstance(longitude, (int, float)) and isinstance(latitude, (int, float))
    return (float(longitude), float(latitude)) if is_numeric else None


def _centre(geometry: dict[str, Any]) -> Point | None:
    """A point, or the middle of the box around a line or an area."""
    corners = list(_corners(geometry.get("coordinates")))
    if not corners:
        return None
    longitudes, latitudes = zip(*corners, strict=True)
    return (min(longitudes) + max(longitudes)) / 2, (min(latitudes) + max(latitudes)) / 2


def _corners(coordinates: Any) -> Iterator[Point]:
    """Every [longitude, latitude] in nested lists, however deep the kind of geometry puts them."""
    if not isinstance(coordinates, list):
        return
    point = _point(*coordinates[:2]) if len(coordinates) >= 2 else None
    if point:
        yield point
        return
    for part in coordinates:
        yield from _corners(part)


def _draft(number: int, tags: Tags, point: Point | None, date: str) -> Draft | Note:
    name = tags.get("name", tags.get("name:en", "")).strip()
    kind = _kind(tags)
    if not name:
        return Note(number, "", "no name")
    if not kind:
        return Note(number, name, "neither a hospital nor a breast or cancer service")
    country = tags.get("addr:country", tags.get("country", ""))
    return Draft(
        line=number,
        name=name,
        kind=kind,
        address=service.street_line(tags.get("addr:street", ""), tags.get("addr:housenumber", ""), country),
        city=tags.get("addr:city", tags.get("city", "")),
        region=tags.get("addr:state", tags.get("addr:province", tags.get("region", ""))),
        country=country,
        postal_code=tags.get("addr:postcode", ""),
        phone=tags.get("phone", tags.get("contact:phone", "")),
        website=tags.get("website", tags.get("contact:website", "")),
        longitude=repr(point[0]) if point else "",
        latitude=repr(point[1]) if point else "",
        source=tags.get("source_credit", ""),
        checked_on=date,
    )


def _kind(tags: Tags) -> str:
    specialities = tags.get("healthcare:speciality", "").replace(";", " ").replace("_", " ")
    is_hospital = "hospital" in {tags.get("amenity"), tags.get("healthcare")}
    is_healthcare = bool(tags.get("healthcare")) or tags.get("amenity") in {"hospital", "clinic", "doctors"}
    if not is_healthcare:
        return tags.get("kind", "")  # a GeoJSON with our own column
    return service.kind_of(tags.get("name", ""), specialities) or (HOSPITAL if is_hospital else "")
