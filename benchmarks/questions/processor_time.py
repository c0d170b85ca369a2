"""Who uses the processor while many pictures come in: `python -m benchmarks.questions.processor_time [--clients 16]`.

Prints a table: milliseconds of one core a picture, for each process of the running product and the load generator, for
nobody (waiting), and, timed alone on one core, for the parts that the server's share consists of. Linux only.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2

from app.inference.pipeline import Engine
from app.inference.sessions import usable_cores
from app.store.pictures import encode
from benchmarks.generators import Generators
from benchmarks.machine import ROOT
from benchmarks.memory import tree
from benchmarks.networks import Floor
from benchmarks.pictures import BUSI, busi_like, specimens
from benchmarks.systems import Server, free_port, sonotriage
from imaging.files.decode import decode
from imaging.gate.quality import check
from imaging.picture import Picture

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
UTIME, CUTIME = 11, 13  # in /proc/<pid>/stat behind the name; the system's share of each stands behind it, see proc(5)
DECODING = "decoding, in child processes"
SETTLING_S, REPEATS, MOST_PIXELS = 5.0, 100, 25_000_000


def main() -> None:
    """Measure the parts alone, then the product under load, and print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sonotriage-bench-") as folder:
        port = free_port()
        server = Server(sonotriage(port, Path(folder), "cpu"), port, Path(folder) / "server.log")
        try:
            shares, rate = under_load(server, arguments.clients, arguments.seconds)
        finally:
            server.stop()
    print(f"{arguments.clients} clients, {usable_cores()} cores: {rate:.1f} pictures a second\n")
    print(table("under load", shares))
    print(table("alone, on one core", alone()))


def under_load(server: Server, clients: int, seconds: float) -> tuple[dict[str, float], float]:
    """Milliseconds of one core a picture by process, and pictures a second, after five seconds of the same."""
    generator = Generators(usable_cores())
    order = {"port": server.port, "kind": "api", "picture": BUSI, "clients": clients}
    generator.ask(**order, seconds=SETTLING_S)
    before = used(server.process.pid)
    found = generator.ask(**order, seconds=seconds)
    after = used(server.process.pid)
    generator.stop()
    return shares_of(before, after, found)


def shares_of(before: Counter[str], after: Counter[str], found: dict[str, Any]) -> tuple[dict[str, float], float]:
    """Milliseconds of one core a picture by process, and pictures a second.

    Args:
        before, after: milliseconds by process. found: what the load generator says.
    """
    pictures = found["pictures"]
    shares = {name: (after[name] - before[name]) / pictures for name in sorted(after)}
    shares["load generator"] = found["client_cpu_s"] * 1000 / pictures
    shares["nobody: disk, hand-overs, other work on the machine"] = usable_cores() * found[
        "seconds"
    ] * 1000 / pictures - sum(shares.values())
    return shares, pictures / found["seconds"]


def used(process_id: int) -> Counter[str]:
    """Milliseconds of processor time so far of a server's processes: those that decode, and the others."""
    spent: Counter[str] = Counter()
    for each in tree(process_id):
        try:
            command = Path(f"/proc/{each}/cmdline").read_bytes()
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        own, ended = (int((int(fields[at]) + int(fields[at + 1])) * TICK_MS) for at in (UTIME, CUTIME))
        spent[DECODING if b"decoder_process" in command else "server"] += own
        spent[DECODING] += ended  # decoders are exchanged now and then: their time goes to whoever started them
    return spent


def alone() -> dict[str, float]:
    """Median milliseconds of each part, one after the other, on one core."""
    cv2.setNumThreads(1)
    files = [specimen.fresh() for specimen in specimens(BUSI)]
    pictures = [Picture(pixels, "png") for pixels in busi_like()]
    networks = Floor("cpu").run({"batch": 1, "side_by_side": 1, "seconds": 10.0})["milliseconds"]
    engine = Engine(ROOT / "models", "cpu", threads=1)
    bare = statistics.median(networks)
    return {
        "both networks": bare,
        "the engine beside them: mask, box, crop, heat map, measurement": (
            median_ms(lambda picture: engine.read([picture]), pictures) - bare
        ),
        "the gate": median_ms(check, pictures),
        "the kept picture as PNG": median_ms(lambda picture: encode(picture.pixels), pictures),
        "decoding": median_ms(lambda content: decode(content, MOST_PIXELS), files),
    }


def median_ms(work: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Median time of `work` over a hundred calls, with the items in turns; the first round does not count."""
    for item in items:
        work(item)
    taken = []
    for item, _ in zip(cycle(items), range(REPEATS), strict=False):
        started = time.perf_counter()
        work(item)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def table(title: str, shares: dict[str, float]) -> str:
    """Rows of Markdown, the largest first."""
    rows = sorted(shares.items(), key=lambda row: -row[1])
    return "\n".join([f"| {title} | ms of one core a picture |", "| --- | --- |"]
                     + [f"| {name} | {value:.1f} |" for name, value in rows]) + "\n"  # fmt: skip


if __name__ == "__main__":
    main()
