"""Measures Sonotriage beside what people would use instead, in one run: `python -m benchmarks.measure [--quick]`.

All servers run at once and take turns in short rounds, so that a machine that is slow for a while is slow for all of
them; each ratio is formed within a round. Writes benchmarks/results/latest.json; `python -m benchmarks.page` makes the
page of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.inference.sessions import usable_cores
from benchmarks import figures, machine, overload, plan, systems
from benchmarks.figures import Row
from benchmarks.generators import Generators
from benchmarks.pictures import BUSI
from benchmarks.plan import Plan
from benchmarks.systems import Server
from benchmarks.worker import Worker

MOST_CLIENTS_EVERY_ROUND = 16  # with more, a peer that takes seconds a picture would fill the run by itself
WARM_UP = {"clients": 4, "requests": 8, "seconds": 60}


@dataclass(frozen=True)
class Cell:
    """One row of the results, before it is measured: what it is, and how a slice of it is measured."""

    facts: dict[str, Any]
    work: Callable[[float], dict[str, Any]]
    is_once: bool = False


@dataclass
class Bench:
    """Everything that runs: the servers, the load generator, the networks without a server."""

    plan: Plan
    servers: dict[str, Server]
    generator: Generators
    floor: Worker
    engine: Worker

    def doors(self) -> Iterator[tuple[str, Server, str]]:
        """Every way in: its name in the results, its server, its kind of client."""
        ways = [(name, server, kind) for server in self.servers.values() for name, kind in server.system.doors]
        yield from sorted(ways, key=lambda way: way[2] == "form")  # what is compared stands side by side

    def send(self, server: Server, kind: str, picture: str = BUSI, **order: Any) -> dict[str, Any]:
        """Have the load generator send pictures."""
        return self.generator.ask(port=server.port, kind=kind, picture=picture, **order)

    def send_watched(self, server: Server, kind: str, **order: Any) -> dict[str, Any]:
        """The same, and the most memory that the server held meanwhile (`peak_mb`)."""
        found: dict[str, Any] = {}
        peak_mb = server.memory.highest_mb(lambda: found.update(self.send(server, kind, **order)))
        return found | {"peak_mb": peak_mb}


def main() -> None:
    chosen = plan.from_arguments()
    started = time.monotonic()
    about = {"machine": machine.machine(), "commit": machine.commit()}
    with tempfile.TemporaryDirectory(prefix="sonotriage-bench-") as folder:
        results = about | _measured(chosen, Path(folder))
        if chosen.overload_minutes:
            results["overload"] = _overload(chosen, results["rows"], Path(folder))
    results["minutes"] = round((time.monotonic() - started) / 60, 1)
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, ratio in results["ratios"].items():
        print(f"{name:26}{ratio}   {results['ratio_spreads'].get(name, '')}")
    print(f"{chosen.output} written after {results['minutes']} minutes")


def _measured(chosen: Plan, folder: Path) -> dict[str, Any]:
    with _running(chosen, folder) as (bench, left_out):
        if "sonotriage" in left_out:
            raise SystemExit(f"The server itself did not get ready: {left_out['sonotriage']}")
        firsts = {name: _first_answer_s(bench, server) for name, server in bench.servers.items()}
        rows = _closed_loop(bench)
        rows += _open_loop(bench, rows)
        rows += _growth(bench)
        about = [
            {
                "name": name, "title": server.system.title, "served": server.system.served, "ready_s": server.ready_s,
                "first_answer_s": firsts[name], "peak_mb": server.memory.peak_mb,
            }
            for name, server in bench.servers.items()
        ]  # fmt: skip
    peer = "bentoml" if "bentoml" in bench.servers else None
    ratios, spreads = figures.ratios(rows, peer)
    pythons = {name: systems.python_of(name) for name in bench.servers if name not in systems.OURS}
    settings = {key: value for key, value in asdict(chosen).items() if key != "output"}
    return {
        "versions": machine.versions(pythons), "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "plan": settings, "peer": peer and bench.servers[peer].system.title, "left_out": left_out,
        "ratios": ratios, "ratio_spreads": spreads, "systems": about, "rows": rows,
    }  # fmt: skip


@contextmanager
def _running(chosen: Plan, folder: Path) -> Iterator[tuple[Bench, dict[str, str]]]:
    names = systems.installed_peers() if chosen.peers is None else list(chosen.peers)
    ports = [systems.free_port() for _ in range(2 + len(names))]
    wanted = [systems.sonotriage(ports[0], folder / "data", chosen.provider)]
    wanted += [systems.peer(name, port, folder) for name, port in zip(names, ports[2:], strict=True)]
    if systems.has_nginx():
        wanted.insert(1, systems.front_door(ports[1], folder / "door", chosen.provider))
    else:
        _say("nginx is not installed here: the server is measured without it only")
        del ports[1]
    with systems.serving(wanted, ports, folder) as (servers, left_out):
        generator = Generators(usable_cores())
        floor, engine = (Worker("benchmarks.networks", part, chosen.provider) for part in ("floor", "engine"))
        try:
            yield Bench(chosen, servers, generator, floor, engine), left_out
        finally:
            for running in (generator, floor, engine):
                running.stop()


def _first_answer_s(bench: Bench, server: Server) -> float:
    """From the start to the first answered picture; then the server is warmed up."""
    _say(f"{server.system.title} is ready after {server.ready_s} s")
    kind = server.system.doors[0][1]
    first = bench.send(server, kind, clients=1, requests=1, seconds=120)
    bench.send(server, kind, **WARM_UP)
    return round(server.ready_s + first["seconds"], 2)


def _closed_loop(bench: Bench) -> list[Row]:
    """Every cell once per round; every second round backwards, so that a drift of the machine cancels out."""
    cells = list(_cells(bench))
    slices: dict[int, list[dict[str, Any]]] = {}
    for round_number in range(bench.plan.rounds):
        _say(f"closed loop, round {round_number + 1} of {bench.plan.rounds}")
        for index, cell in list(enumerate(cells))[:: -1 if round_number % 2 else 1]:
            if round_number == 0 or not cell.is_once:
                slices.setdefault(index, []).append(cell.work(bench.plan.slice_s))
    return [figures.row(slices=slices[index], **cell.facts) for index, cell in enumerate(cells)]


def _cells(bench: Bench) -> Iterator[Cell]:
    """In the order of measurement: what is compared stands side by side."""
    single, *larger = bench.plan.batches
    batches = {1: [single], MOST_CLIENTS_EVERY_ROUND: larger}
    for clients in bench.plan.clients:
        yield from _without_server(bench, batches.get(clients, []))
        for name, server, kind in bench.doors():
            yield Cell(
                {"system": name, "load": "closed", "clients": clients, "picture": BUSI},
                lambda seconds, server=server, kind=kind, clients=clients: bench.send_watched(
                    server, kind, clients=clients, seconds=seconds
                ),
                is_once=clients > MOST_CLIENTS_EVERY_ROUND and kind == "peer",
            )


def _without_server(bench: Bench, batches: list[int]) -> Iterator[Cell]:
    """Floor and engine; beside the larger batches the floor also with a line of one thread for every core."""
    cores, facts = usable_cores(), {"load": "batches", "picture": BUSI}
    for batch in batches:
        for part, worker in (("engine", bench.engine), ("floor", bench.floor)):
            yield Cell(
                {"system": part, "batch": batch, **facts},
                lambda seconds, worker=worker, batch=batch: worker.ask(batch=batch, seconds=seconds),
            )
    if batches and batches[0] > 1 and bench.plan.provider == "cpu" and cores > 1:
        yield Cell(
            {"system": "floor", "batch": 1, "side_by_side": cores, **facts},
            lambda seconds: bench.floor.ask(batch=1, side_by_side=cores, seconds=seconds),
        )


def _open_loop(bench: Bench, rows: list[Row]) -> list[Row]:
    found = []
    for name, server, kind in bench.doors():
        if bench.plan.is_quick and name != figures.OURS:
            continue
        capacity = max(each["pictures_per_second"] for each in rows if each["system"] == name)
        for share in bench.plan.loads if capacity else ():
            rate = round(share * capacity, 3)
            _say(f"open loop, {server.system.title} ({kind}), {rate} pictures a second")
            part = bench.send(server, kind, rate=rate, seconds=bench.plan.duration_s)
            found.append(figures.row(name, "open", [part], share=share, rate=rate, picture=BUSI))
    return found


def _growth(bench: Bench) -> list[Row]:
    """One client of the JSON interface, pictures from small to huge, and how much memory they need on top."""
    server, found = bench.servers["sonotriage"], []
    for size in bench.plan.megapixels:
        picture = f"{size:g} MP"
        _say(f"growth, {picture}")
        parts: list[dict[str, Any]] = []

        def send(picture: str = picture, parts: list[dict[str, Any]] = parts) -> None:
            bench.send(server, "api", picture, clients=1, requests=1, seconds=60)  # what stays of it counts as memory
            parts.append(bench.send(server, "api", picture, clients=1, requests=20, seconds=bench.plan.slice_s))

        extra_mb = server.memory.extra_mb(send)
        found.append(
            figures.row(
                figures.OURS, "growth", parts, clients=1, picture=picture, megapixels=size, extra_peak_mb=extra_mb
            )
        )
    return found


def _overload(chosen: Plan, rows: list[Row], folder: Path) -> dict[str, Any]:
    ours = [each for each in rows if each["system"] == figures.OURS and each["load"] == "closed"]
    capacity = max(each["pictures_per_second"] for each in ours)
    port = systems.free_port()
    server = systems.sonotriage(port, folder / "overload", chosen.provider)
    _say(f"overload, {chosen.overload_minutes} minutes at twice {capacity} pictures a second")
    with systems.serving([server], [port], folder) as (servers, _):
        return overload.run(servers["sonotriage"], 2 * capacity, chosen.overload_minutes)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
