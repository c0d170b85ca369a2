"""How well, how fast and at what price are postcodes placed? `python -m benchmarks.questions.postcodes`

Codes are taken evenly from the files of the installed package. For countries that have points, the places that the
localities' names give are compared with these points, which are withheld. Prints JSON lines.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import numpy as np

from app.places import localities, offline, postal_package, regions
from app.places.distance import geodesic_km
from app.places.postal_area import key_of
from app.places.postal_package import PostalRecord

COMPARED = ("PL", "SI", "BE", "DK")
COUNTED = ("DE", "IT", "NL", "JP", "ZA", "IN", "FR", "KE", "MX")
CODES, CODES_WITHHELD, DIGITS = 100, 150, 5

Record = dict[str, object]


def main() -> None:
    """Measure in this order, for what was looked up once is remembered."""
    for row in (opened(), *looked_up(), *(placed(country) for country in COUNTED), *map(withheld, COMPARED)):
        print(json.dumps(row))


def opened() -> Record:
    """Searching all files: seconds of a core, and by how much the highest memory of the process grew."""
    regions.country_names()
    offline.resolve("Hamilton, Ontario")  # the gazetteer is loaded before, as at the start of a server
    before, started = _highest_kb(), time.process_time()
    postal_package.warm_up()
    kept = sum(_bytes_kept(country) for country in postal_package.countries())
    return {
        "measured": "all files searched", "seconds_of_a_core": round(time.process_time() - started, 2),
        "kept_mb": round(kept / 1e6, 1), "peak_mb": round((_highest_kb() - before) / 1e3, 1),
        "records": sum(_count(country) for country in postal_package.countries()),
    }  # fmt: skip


def looked_up() -> Iterator[Record]:
    """Milliseconds of a core for codes with their country, for bare figures, and for the same once more."""
    named = [f"{code}, {regions.country_name(country)}" for country in COUNTED for code in evenly(country, CODES)]
    bare = [code for code in evenly("US", 4 * CODES) if code.isdigit() and len(code) == DIGITS]
    for name, texts in (("a code with its country", named), ("five digits alone", bare), ("the same again", bare)):
        times = [_milliseconds(partial(offline.resolve, text)) for text in texts]
        yield {"measured": name, **_quantiles(times)}


def placed(country: str) -> Record:
    """How many of codes spread evenly lead to a place."""
    codes = evenly(country, CODES)
    return {"country": country, "codes": len(codes), "placed": sum(_is_placed(country, code) for code in codes)}


def withheld(country: str) -> Record:
    """Distances between the package's points and where the names of the localities lie."""
    codes, distances = evenly(country, CODES_WITHHELD), []
    points = {code: postal_package.records(country, code)[0].point for code in codes}
    with _without_points():
        for code, point in points.items():
            area = localities.area(country, code)
            if area is not None and point is not None:
                distances.append(geodesic_km(*point, area.latitude, area.longitude))
    return {
        "country": country, "codes": len(codes), "placed_without_points": len(distances),
        "median_km": round(float(np.median(distances)), 1),
        "km_of_97_percent": round(float(np.quantile(distances, 0.97))),
    }  # fmt: skip


@contextmanager
def _without_points() -> Iterator[None]:
    """The package as it would be if it told only names."""
    whole, beside = postal_package.records, postal_package.records_beside

    def named(records: Iterable[PostalRecord]) -> Iterator[PostalRecord]:
        return (replace(record, point=None) for record in records)

    for remembered in (localities.area, localities._beside):
        remembered.cache_clear()
    with (
        patch.object(postal_package, "records", lambda *wanted: list(named(whole(*wanted)))),
        patch.object(postal_package, "records_beside", lambda *wanted: named(beside(*wanted))),
    ):
        yield
    for remembered in (localities.area, localities._beside):
        remembered.cache_clear()


def evenly(country: str, count: int) -> list[str]:
    """So many codes of a country, spread evenly over all that the package lists."""
    codes = np.unique(_codes(country))
    chosen = np.linspace(0, len(codes) - 1, min(count, len(codes))).round().astype(int)
    return [codes[index].decode("ascii") for index in chosen]


def _codes(country: str) -> np.ndarray:
    index = postal_package._index_of(country)
    assert index is not None, f"the package lists no codes of {country}"
    return index.codes


def _count(country: str) -> int:
    return len(_codes(country))


def _bytes_kept(country: str) -> int:
    index = postal_package._index_of(country)
    return 0 if index is None else index.codes.nbytes + index.offsets.nbytes


def _is_placed(country: str, code: str) -> bool:
    return localities.area(country, key_of(code)) is not None


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def _quantiles(milliseconds: list[float]) -> Record:
    return {
        "times": len(milliseconds), "median_ms": round(float(np.median(milliseconds)), 2),
        "p95_ms": round(float(np.quantile(milliseconds, 0.95)), 1), "most_ms": round(max(milliseconds), 1),
    }  # fmt: skip


def _highest_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
