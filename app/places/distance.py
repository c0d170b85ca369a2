"""Distances on the earth: quick ones to choose candidates, exact ones to show."""

from __future__ import annotations

from typing import Any

import numpy as np
from geopy import distance as geopy_distance
from numpy.typing import NDArray

EARTH_RADIUS_KM = 6371.0088  # mean radius of the WGS 84 ellipsoid (IUGG)
KM_PER_MILE = 1.609344

Degrees = NDArray[np.float64]


def unit_vectors(latitudes: Any, longitudes: Any) -> Degrees:
    """Points on a sphere of radius 1: float64 `N x 3` from degrees."""
    latitude, longitude = np.radians(latitudes), np.radians(longitudes)
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=-1)


def great_circle_km(latitude: float, longitude: float, vectors: Degrees) -> Degrees:
    """Kilometres on the sphere from one point to `unit_vectors`; within 0.6 % of the ellipsoid's.

    The chord is used instead of the angle's cosine, which loses all digits for near points.
    """
    chord = np.linalg.norm(vectors - unit_vectors(latitude, longitude), axis=-1)
    kilometres: Degrees = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2.0, 1.0))
    return kilometres


def geodesic_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Kilometres on the WGS 84 ellipsoid (Karney's method, through geopy)."""
    return float(geopy_distance.geodesic((latitude, longitude), (other_latitude, other_longitude)).km)
