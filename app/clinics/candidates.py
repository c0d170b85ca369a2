"""Which clinics can be among the nearest: chosen on a sphere, from arrays that the process keeps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock

import numpy as np
from flask import current_app
from numpy.typing import NDArray
from sqlalchemy import func, select

from app.clinics.facts import HOSPITAL
from app.places.distance import Degrees, great_circle_km, unit_vectors
from app.tables import Clinic
from app.web.extensions import db

FAR_KM = 150.0
REACH_KM = 300.0  # farther than this nothing is listed unless it is asked for: a day's journey there and back
SPHERE = 1.006  # distances on the sphere are up to 0.6 % off

_loading = Lock()


@dataclass(frozen=True)
class _Snapshot:
    """What choosing needs of every clinic, in arrays of one length `N`."""

    version: tuple[float, ...]
    ids: NDArray[np.int64]
    vectors: Degrees  # N x 3
    countries: NDArray[np.str_]
    is_hospital: NDArray[np.bool_]


def choose(latitude: float, longitude: float, home: Collection[str], count: int, beyond: bool) -> list[int]:
    """Ids of the clinics that `nearest` would put first, by distances on the sphere.

    Args:
        beyond: also those of other countries, and those farther than `REACH_KM`.
    """
    snapshot = _snapshot()
    kilometres = great_circle_km(latitude, longitude, snapshot.vectors)
    is_home = np.isin(snapshot.countries, list(home))
    # One number that sorts as `nearest` does: no distance on earth exceeds 20,100 km.
    rank = kilometres + 30_000.0 * snapshot.is_hospital + 60_000.0 * (kilometres > FAR_KM)
    rank += 120_000.0 * ~is_home
    ids = snapshot.ids
    if not beyond:
        within = is_home & (kilometres <= REACH_KM * SPHERE)
        ids, rank = ids[within], rank[within]
    return [int(number) for number in (ids[np.argpartition(rank, count)[:count]] if len(rank) > count else ids)]


def _snapshot() -> _Snapshot:
    """The directory in arrays, read anew when its size, newest id or latitudes changed (see `directory`)."""
    signs = select(func.count(), func.max(Clinic.id), func.sum(Clinic.latitude)).select_from(Clinic)
    version = tuple(float(number or 0) for number in db.session.execute(signs).one())
    with _loading:
        held: _Snapshot | None = current_app.extensions.get("sonotriage.clinics")
        if held is None or held.version != version:
            held = current_app.extensions["sonotriage.clinics"] = _read(version)
        return held


def _read(version: tuple[float, ...]) -> _Snapshot:
    columns = select(Clinic.id, Clinic.latitude, Clinic.longitude, Clinic.country, Clinic.kind)
    rows = db.session.execute(columns).all()
    points = np.array([(row.latitude, row.longitude) for row in rows], dtype=np.float64).reshape(-1, 2)
    return _Snapshot(
        version=version,
        ids=np.array([row.id for row in rows], dtype=np.int64),
        vectors=unit_vectors(points[:, 0], points[:, 1]),
        countries=np.array([row.country for row in rows], dtype="U2"),
        is_hospital=np.array([row.kind == HOSPITAL for row in rows], dtype=np.bool_),
    )
