"""The load generator: a process of its own that answers orders on its standard input, one JSON line each.

Closed loop: each client sends its next picture when it has the answer to the last. Open loop: pictures come at a rate,
whether or not the last ones are answered, and their time counts from when they should have been sent, so that a server
that stalls can't hide it. Its own processor time is part of every answer: it runs on the same cores.
"""

from __future__ import annotations

import itertools
import queue
import random
import threading
import time
from collections import Counter
from typing import Any

from benchmarks.clients import CLIENTS, Client, Outcome
from benchmarks.pictures import Specimen, specimens
from benchmarks.worker import answer_orders

MOST_OPEN = 192  # requests of the open loop that may be under way at once


class Generator:
    """Keeps the pictures that were made once."""

    def __init__(self) -> None:
        self._specimens: dict[str, list[Specimen]] = {}

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order: port, kind (of client), picture, seconds, and clients or rate."""
        kind = order["picture"]
        if kind not in self._specimens:
            self._specimens[kind] = specimens(kind)
        turns = itertools.cycle(self._specimens[kind])
        record = Record()
        cpu, started = time.process_time(), time.perf_counter()
        if "rate" in order:
            _open_loop(order, turns, record)
        else:
            _closed_loop(order, turns, record)
        seconds = max(record.ended, started + 1e-3) - started
        return record.to_json() | {"seconds": seconds, "client_cpu_s": time.process_time() - cpu}


class Record:
    """What all clients saw."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds: list[float] = []
        self._stages: dict[str, list[float]] = {}
        self._errors: Counter[str] = Counter()
        self._acknowledged: list[str] = []
        self._bare_503 = 0
        self.ended = 0.0

    def add(self, outcome: Outcome, started: float) -> None:
        """Note an outcome that came now, of a request that began at `started`."""
        ended = time.perf_counter()
        with self._lock:
            self.ended = max(self.ended, ended)
            if outcome.study_id:
                self._acknowledged.append(outcome.study_id)
            if outcome.code != "ok":
                self._errors[outcome.code] += 1
                self._bare_503 += outcome.code == "503" and not outcome.has_retry_after
                return
            self._milliseconds.append((ended - started) * 1000)
            for stage, milliseconds in outcome.milliseconds.items():
                self._stages.setdefault(stage, []).append(milliseconds)

    def to_json(self) -> dict[str, Any]:
        return {
            "milliseconds": self._milliseconds, "pictures": len(self._milliseconds), "errors": dict(self._errors),
            "stages": self._stages, "acknowledged": self._acknowledged, "bare_503": self._bare_503,
        }  # fmt: skip


def _closed_loop(order: dict[str, Any], turns: itertools.cycle[Specimen], record: Record) -> None:
    """Every client sends, waits, sends again, at most once per `interval_s`; what is under way at the end counts."""
    end, interval_s = time.perf_counter() + order["seconds"], order.get("interval_s", 0.0)
    most = order.get("requests", 1 << 30)
    numbers, lock = itertools.count(), threading.Lock()

    def work(client: Client) -> None:
        due = time.perf_counter() + random.random() * interval_s
        while True:
            time.sleep(max(0.0, due - time.perf_counter()))
            with lock:
                if time.perf_counter() >= end or next(numbers) >= most:
                    return
                specimen = next(turns)
            content, started = specimen.fresh(), time.perf_counter()
            record.add(client.send(content), started)
            due = max(due + interval_s, time.perf_counter())

    _run([threading.Thread(target=work, args=(_client(order),)) for _ in range(order["clients"])])


def _open_loop(order: dict[str, Any], turns: itertools.cycle[Specimen], record: Record) -> None:
    """Arrivals at random (Poisson) with a mean rate, the same in every run."""
    chance, waiting = random.Random(order.get("seed", 0)), queue.SimpleQueue[tuple[float, Specimen] | None]()

    def work(client: Client) -> None:
        while (arrival := waiting.get()) is not None:
            due, specimen = arrival
            content = specimen.fresh()
            record.add(client.send(content), due)

    most = min(MOST_OPEN, max(8, int(order["rate"] * order["seconds"])))
    threads = [threading.Thread(target=work, args=(_client(order),)) for _ in range(most)]
    for thread in threads:
        thread.start()
    due = time.perf_counter()
    end = due + order["seconds"]
    while (due := due + chance.expovariate(order["rate"])) < end:
        time.sleep(max(0.0, due - time.perf_counter()))
        waiting.put((due, next(turns)))
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()


def _client(order: dict[str, Any]) -> Client:
    client = CLIENTS[order["kind"]](order["port"])
    client.prepare()
    return client


def _run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    answer_orders(Generator().run)
