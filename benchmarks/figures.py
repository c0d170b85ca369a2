"""Turns what was measured into figures: percentiles, rates, rows over several rounds, and the six ratios."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
RATIOS = (
    "overhead_1_client",
    "saturation_of_floor",
    "p50_vs_keras",
    "throughput_vs_keras",
    "p50_vs_bentoml_1",
    "throughput_vs_bentoml_16",
)
OURS, FLOOR, ENGINE, KERAS = "sonotriage-api", "floor", "engine", "keras"


def percentile(numbers: Sequence[float], share: float) -> float | None:
    """The smallest number that `share` (0..1) of all numbers do not exceed (nearest rank); None without numbers."""
    if not numbers:
        return None
    return sorted(numbers)[max(0, math.ceil(share * len(numbers)) - 1)]


def summary(milliseconds: Sequence[float]) -> dict[str, float | None]:
    """Median, 95th and 99th percentile, in milliseconds."""
    found = {f"p{round(share * 100)}_ms": percentile(milliseconds, share) for share in (0.50, 0.95, 0.99)}
    return {name: None if number is None else round(number, 2) for name, number in found.items()}


def row(system: str, load: str, slices: Sequence[Mapping[str, Any]], **facts: Any) -> Row:
    """One row of the results, over all rounds of a cell.

    Args:
        slices: one per round, each with `milliseconds` (of the answered requests), `pictures`, `seconds` and, from
            the load generator, `errors` (by code) and `client_cpu_s`, and `peak_mb` where the server was watched. Of
            these the first counts: in the first round the load only grows.
        facts: what tells the row from others, such as clients=16 or batch=4.
    """
    everything = [number for part in slices for number in part["milliseconds"]]
    seconds = sum(part["seconds"] for part in slices)
    errors: Counter[str] = Counter()
    for part in slices:
        errors.update(part.get("errors", {}))
    return {
        "system": system, "load": load, **facts, **summary(everything),
        "pictures_per_second": _rate(slices), "requests": len(everything), "errors": dict(errors),
        "seconds": round(seconds, 1), "client_cpu_s": round(sum(part.get("client_cpu_s", 0) for part in slices), 2),
        "stages_ms": _stages(slices),
        "rounds": [{**summary(part["milliseconds"]), "pictures_per_second": _rate([part])} for part in slices],
    } | {name: slices[0][name] for name in ("peak_mb",) if name in slices[0]}  # fmt: skip


def _stages(slices: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Median of each stage that was timed by the part itself, in milliseconds."""
    taken: dict[str, list[float]] = {}
    for part in slices:
        for stage, milliseconds in part.get("stages", {}).items():
            taken.setdefault(stage, []).extend(milliseconds)
    return {stage: round(statistics.median(each), 2) for stage, each in taken.items() if each}


def _rate(slices: Sequence[Mapping[str, Any]]) -> float:
    seconds = sum(part["seconds"] for part in slices)
    return round(sum(part["pictures"] for part in slices) / seconds, 3) if seconds else 0.0


def ratios(rows: Sequence[Row], peer: str | None) -> tuple[dict[str, float | None], dict[str, list[float]]]:
    """The six ratios, and how far they spread.

    Each is the median over the rounds, numerator and denominator taken in the same round, seconds apart, so that a
    machine that is slow for a while is slow for both.

    Args:
        peer: the system that stands for BentoML, None where none was measured.

    Returns:
        Ratio by name (None where a part was not measured), and its smallest and largest round.
    """
    ours, floor = _closed(rows, OURS), _batches(rows, FLOOR)
    theirs = _closed(rows, peer) if peer else {}
    keras = _closed(rows, KERAS)
    found = {
        "overhead_1_client": _over(_p50(ours.get(1)), _p50(floor.get(1))),
        "saturation_of_floor": _over(_best(ours.values()), _best(_all_batches(rows, FLOOR))),
        "p50_vs_keras": _over(_p50(ours.get(1)), _p50(keras.get(1))),
        "throughput_vs_keras": _over(_best(ours.values()), _best(keras.values())),
        "p50_vs_bentoml_1": _over(_p50(ours.get(1)), _p50(theirs.get(1))),
        "throughput_vs_bentoml_16": _over(_rates(ours.get(16)), _rates(theirs.get(16))),
    }
    medians = {name: round(statistics.median(each), 3) if each else None for name, each in found.items()}
    spreads = {name: [round(min(each), 3), round(max(each), 3)] for name, each in found.items() if each}
    return medians, spreads


def _closed(rows: Sequence[Row], system: str) -> dict[int, Row]:
    """A system's closed-loop rows on pictures of BUSI size, by number of clients."""
    return {
        each["clients"]: each
        for each in rows
        if each["system"] == system and each["load"] == "closed" and each["picture"] == "busi"
    }


def _batches(rows: Sequence[Row], system: str) -> dict[int, Row]:
    return {each["batch"]: each for each in _all_batches(rows, system) if not each.get("side_by_side")}


def _all_batches(rows: Sequence[Row], system: str) -> list[Row]:
    """Also those of several lines side by side."""
    return [each for each in rows if each["system"] == system and each["load"] == "batches"]


def _p50(found: Row | None) -> list[float | None]:
    return [part["p50_ms"] for part in found["rounds"]] if found else []


def _rates(found: Row | None) -> list[float | None]:
    return [part["pictures_per_second"] for part in found["rounds"]] if found else []


def _best(rows: Iterable[Row]) -> list[float | None]:
    """The highest rate of each round, over all rows."""
    longest = [_rates(each) for each in rows]
    count = max((len(each) for each in longest), default=0)
    return [max(each[index] or 0.0 for each in longest if index < len(each)) for index in range(count)]


def _over(above: Sequence[float | None], below: Sequence[float | None]) -> list[float]:
    return [first / second for first, second in zip(above, below, strict=False) if first is not None and second]
