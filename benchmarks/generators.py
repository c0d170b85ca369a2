"""Several load generators that act as one, where one process could not keep a fast machine busy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.worker import Worker

CORES_EACH = 8  # one generator makes and sends some 400 pictures a second; small machines need just one


class Generators:
    """One load generator per eight cores; an order's clients or rate are shared among them."""

    def __init__(self, cores: int) -> None:
        self._workers = [Worker("benchmarks.load") for _ in range(max(1, cores // CORES_EACH))]

    def ask(self, **order: Any) -> dict[str, Any]:
        """Have an order carried out; see benchmarks/load.py."""
        orders = shared(order, len(self._workers))
        with ThreadPoolExecutor(len(orders)) as pool:
            answers = pool.map(lambda worker, part: worker.ask(**part), self._workers, orders)
            return merged(list(answers))

    def stop(self) -> None:
        """No more orders."""
        for worker in self._workers:
            worker.stop()


def shared(order: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """An order as at most `most` orders for as many generators, none without a client."""
    if "rate" in order:
        return [order | {"rate": order["rate"] / most, "seed": number} for number in range(most)]
    if "requests" in order:
        return [order]
    count = min(most, order["clients"])
    return [order | {"clients": len(range(number, order["clients"], count))} for number in range(count)]


def merged(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several generators saw at the same time, as one."""
    errors: Counter[str] = Counter()
    stages: dict[str, list[float]] = {}
    for answer in answers:
        errors.update(answer["errors"])
        for stage, milliseconds in answer["stages"].items():
            stages.setdefault(stage, []).extend(milliseconds)
    return {
        "milliseconds": [each for answer in answers for each in answer["milliseconds"]],
        "acknowledged": [each for answer in answers for each in answer["acknowledged"]],
        "seconds": max(answer["seconds"] for answer in answers), "errors": dict(errors), "stages": stages,
        **{key: sum(answer[key] for answer in answers) for key in ("pictures", "client_cpu_s", "bare_503")},
    }  # fmt: skip
