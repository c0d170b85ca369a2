"""64 clients send twice what the server can read: is an acknowledged picture ever lost, does memory grow?"""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from app.inference.sessions import usable_cores
from benchmarks.figures import summary
from benchmarks.generators import Generators
from benchmarks.pictures import BUSI
from benchmarks.systems import Server

CLIENTS = 64
DRAIN_S = 900.0


def run(server: Server, rate: float, minutes: float) -> dict[str, Any]:
    """Overload a server, then ask for every study that it acknowledged.

    Args:
        rate: pictures a second that the clients send together, each at most one at a time.
    """
    memory = _Series(server)
    generator = Generators(usable_cores())
    try:
        seen = generator.ask(
            port=server.port, kind="acknowledged", picture=BUSI, clients=CLIENTS, interval_s=CLIENTS / rate,
            seconds=minutes * 60,
        )  # fmt: skip
    finally:
        generator.stop()
        memory.stop()
    ended = _statuses(server.port, seen["acknowledged"])
    return report(seen, ended, memory.megabytes) | {"minutes": minutes, "rate": round(rate, 2), "clients": CLIENTS}


def report(seen: dict[str, Any], ended: Counter[str], megabytes: Sequence[float]) -> dict[str, Any]:
    """What an overload showed.

    Args:
        seen: what the load generator says.
        ended: acknowledged studies by what became of them.
        megabytes: the server's memory over time.

    Returns:
        Among others `lost`: acknowledged studies without an answer; `bad_5xx`: all but 503 with Retry-After;
        `memory_growth_mb`: median of the last fifth over that of the second, when all buffers have been used.
    """
    answered = sum(ended[status] for status in ("done", "declined"))
    errors: dict[str, int] = seen["errors"]
    bad = sum(count for code, count in errors.items() if code.startswith("5") and code != "503") + seen["bare_503"]
    fifth = max(1, len(megabytes) // 5)
    early, late = megabytes[fifth : 2 * fifth] or megabytes, megabytes[-fifth:]
    return {
        "sent": seen["pictures"] + sum(errors.values()), "acknowledged": len(seen["acknowledged"]),
        "lost": len(seen["acknowledged"]) - answered, "ended": dict(ended), "errors": errors, "bad_5xx": bad,
        "broken_connections": sum(count for code, count in errors.items() if not code[:1].isdigit()),
        **summary(seen["milliseconds"]), "memory_mb": [round(each, 1) for each in megabytes],
        "memory_growth_mb": round(statistics.median(late) - statistics.median(early), 1) if megabytes else None,
    }  # fmt: skip


def _statuses(port: int, study_ids: Sequence[str]) -> Counter[str]:
    """What became of the studies; waits until those in the queue are read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    deadline, found = time.monotonic() + DRAIN_S, Counter[str]()
    for study_id in study_ids:
        status = "queued"
        while status == "queued" and time.monotonic() < deadline:
            connection.request("GET", f"/api/v1/studies/{study_id}")
            answer = connection.getresponse()
            body = answer.read()
            status = json.loads(body)["status"] if answer.status == 200 else str(answer.status)
            if status == "queued":
                time.sleep(1)
        found[status] += 1
    connection.close()
    return found


class _Series:
    """A server's memory every two seconds."""

    def __init__(self, server: Server) -> None:
        self.megabytes: list[float] = []
        self._server = server
        self._stopping = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stopping.wait(2.0):
            self.megabytes.append(self._server.memory.now_mb())

    def stop(self) -> None:
        self._stopping.set()
