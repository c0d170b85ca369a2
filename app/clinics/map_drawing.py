"""A drawn map of a place and its nearest clinics: inline SVG, no outside tiles, colours by CSS class only.

The place is the centre of an azimuthal equidistant projection, in which distance and direction from the centre are
true: rings are circles, and a pin lies where one would set out to. The classes to style: map, map-ring, map-line,
map-text, map-place, map-pin, map-pin-hospital, map-number, map-scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.clinics.nearest import ClinicDistance
from app.places.distance import KM_PER_MILE

SIZE = 420  # of the viewBox, in its own units; the page decides how large it is shown
CENTRE = SIZE / 2
REACH = 170.0  # from the centre to the farthest clinic
PIN_RADIUS = 12.0
PIN_GAP = 2 * PIN_RADIUS + 2.0
SMALLEST_REACH_KM = 1.0
COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


@dataclass(frozen=True)
class _Scale:
    """How far a unit of the drawing is, and in which unit of length a person reads it."""

    units_per_km: float
    km_per_unit_of_length: float
    name: str

    def units(self, length: float) -> float:
        return length * self.km_per_unit_of_length * self.units_per_km


def draw(
    latitude: float,
    longitude: float,
    label: str,
    clinics: Sequence[ClinicDistance],
    unit: str = "km",
    element_id: str = "clinic-map",
) -> Markup:
    """Draw the map; pins carry the clinics' numbers in the list, general hospitals are square.

    Args:
        label: the place in words, as the person reads it.
        unit: "km" or "miles".
        element_id: prefix of the ids inside, unique in the page.

    Returns:
        One `<svg>` element, with a title and a description for those who can't see it.
    """
    farthest_km = max((clinic.distance_km for clinic in clinics), default=0.0)
    in_miles = unit == "miles"
    scale = _Scale(
        REACH / max(farthest_km, SMALLEST_REACH_KM), KM_PER_MILE if in_miles else 1.0, "miles" if in_miles else "km"
    )
    body = [_rings(scale), _lines_and_pins(latitude, longitude, clinics, scale), _place(), _scale_bar(scale), _north()]
    template = Markup(
        '<svg class="map" viewBox="0 0 {size} {size}" role="img" aria-labelledby="{id}-title {id}-desc" '
        'xmlns="http://www.w3.org/2000/svg"><title id="{id}-title">{title}</title><desc id="{id}-desc">{desc}</desc>'
        "{body}</svg>"
    )
    return template.format(
        size=SIZE,
        id=element_id,
        title=f"Clinics around {label}",
        desc=_description(latitude, longitude, label, clinics, scale),
        body=Markup("").join(body),
    )


def _description(
    latitude: float, longitude: float, label: str, clinics: Sequence[ClinicDistance], scale: _Scale
) -> str:
    if not clinics:
        return f"No clinics around {label}."
    told = []
    for number, clinic in enumerate(clinics, start=1):
        length = _length(clinic.distance_km / scale.km_per_unit_of_length)
        towards = compass(*position(latitude, longitude, clinic.latitude, clinic.longitude))
        told.append(f"{number}: {clinic.name}, {length} {scale.name} {towards}".rstrip())
    return f"North is up. {label} is in the middle. {'; '.join(told)}."


def compass(east: float, south: float) -> str:
    """One of eight directions for a unit vector of the drawing; "" for no direction."""
    if east == south == 0.0:
        return ""
    eighth = round(math.degrees(math.atan2(east, -south)) / 45.0) % 8
    return f"to the {COMPASS[eighth]}"


def _length(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def nice_step(length: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above a length greater than 0."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= length * (1 + 1e-9))


def _rings(scale: _Scale) -> Markup:
    """Two to five rings at even distances, each with its distance."""
    reach = REACH / scale.units(1.0)
    step = nice_step(reach / 2)
    count = int(reach / step + 1e-9)
    ring = Markup(
        '<circle class="map-ring" cx="{c:.1f}" cy="{c:.1f}" r="{r:.1f}" fill="none"/>'
        '<text class="map-text" x="{c:.1f}" y="{y:.1f}" text-anchor="middle">{text}</text>'
    )
    drawn = []
    for number in range(1, count + 1):
        radius = scale.units(step * number)
        drawn.append(ring.format(c=CENTRE, r=radius, y=CENTRE - radius - 3, text=f"{step * number:g} {scale.name}"))
    return Markup("").join(drawn)


def position(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> tuple[float, float]:
    """Direction from one point to another: unit vector of x to the east and y to the south; (0, 0) for one point.

    Initial bearing of the great circle (Snyder, Map Projections: A Working Manual, equation 5-4b).
    """
    phi, psi = math.radians(latitude), math.radians(to_latitude)
    difference = math.radians(to_longitude - longitude)
    east = math.sin(difference) * math.cos(psi)
    north = math.cos(phi) * math.sin(psi) - math.sin(phi) * math.cos(psi) * math.cos(difference)
    length = math.hypot(east, north)
    return (east / length, -north / length) if length > 1e-12 else (0.0, 0.0)


def _lines_and_pins(latitude: float, longitude: float, clinics: Sequence[ClinicDistance], scale: _Scale) -> Markup:
    """A line to where each clinic is, and its numbered pin there or, where another pin is in the way, beside it."""
    taken: list[tuple[float, float]] = [(CENTRE, CENTRE)]
    lines, pins = [], []
    for number, clinic in enumerate(clinics, start=1):
        east, south = position(latitude, longitude, clinic.latitude, clinic.longitude)
        distance = clinic.distance_km * scale.units_per_km
        point = (CENTRE + east * distance, CENTRE + south * distance)
        pin = _free_spot(point, taken)
        taken.append(pin)
        lines.append(_line(pin, point))
        pins.append(_pin(pin, number, clinic))
    return Markup("").join([*lines, *pins])


def _line(pin: tuple[float, float], point: tuple[float, float]) -> Markup:
    if pin == point:
        return Markup("")
    return Markup('<line class="map-line" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(*pin, *point)


def _free_spot(point: tuple[float, float], taken: list[tuple[float, float]]) -> tuple[float, float]:
    """The point itself, or the nearest spot on a widening spiral that leaves the other pins and the edge free."""
    for turn in range(240):
        angle, away = turn * 2.399963, 4.0 * math.sqrt(turn)  # the golden angle spreads the tries evenly
        spot = (point[0] + away * math.cos(angle), point[1] + away * math.sin(angle))
        if _is_inside(spot) and all(math.dist(spot, other) >= PIN_GAP for other in taken):
            return spot if turn else point
    return point


def _is_inside(spot: tuple[float, float]) -> bool:
    return all(PIN_RADIUS + 2 <= value <= SIZE - PIN_RADIUS - 2 for value in spot)


def _pin(spot: tuple[float, float], number: int, clinic: ClinicDistance) -> Markup:
    x, y = spot
    if clinic.is_hospital:
        shape = Markup(
            '<rect class="map-pin map-pin-hospital" x="{:.1f}" y="{:.1f}" width="{size:g}" height="{size:g}" rx="3"/>'
        ).format(x - PIN_RADIUS, y - PIN_RADIUS, size=2 * PIN_RADIUS)
    else:
        shape = Markup('<circle class="map-pin" cx="{:.1f}" cy="{:.1f}" r="{:g}"/>').format(x, y, PIN_RADIUS)
    text = Markup('<text class="map-number" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
        x, y + 5, number
    )
    return Markup("<g><title>{}</title>{}{}</g>").format(clinic.name, shape, text)


def _place() -> Markup:
    """The person's place: a cross in a circle."""
    return Markup(
        '<g class="map-place"><circle cx="{c:.1f}" cy="{c:.1f}" r="6"/>'
        '<path d="M{a:.1f} {c:.1f}H{b:.1f}M{c:.1f} {a:.1f}V{b:.1f}" fill="none"/></g>'
    ).format(c=CENTRE, a=CENTRE - 10, b=CENTRE + 10)


def _scale_bar(scale: _Scale) -> Markup:
    step = nice_step(REACH / 2 / scale.units(1.0))
    return Markup(
        '<g class="map-scale"><path d="M12 {y0}v6h{width:.1f}v-6" fill="none"/>'
        '<text class="map-text" x="12" y="{y1}">{text}</text></g>'
    ).format(y0=SIZE - 16, y1=SIZE - 20, width=scale.units(step), text=f"{step:g} {scale.name}")


def _north() -> Markup:
    return Markup(
        '<g class="map-scale"><path d="M{x} 34V12m-5 8l5-8l5 8" fill="none"/>'
        '<text class="map-text" x="{x}" y="48" text-anchor="middle">N</text></g>'
    ).format(x=SIZE - 20)
