"""How long does a picture take, and how many go through in a second, on this machine?

    python -m benchmarks.latency [--rounds 30] [--batch 4] [--output FILE]

Synthetic pictures go through the decoder, the check and the shipped networks as an upload does, without server and
database. Prints the median and the 95th percentile of each stage, and writes all of it as JSON where asked to.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from app.decoding import Decoder
from app.inference.pipeline import Engine
from imaging.phantom import speckle
from imaging.picture import Picture
from imaging.quality import check

ROOT = Path(__file__).parent.parent


def main() -> None:
    arguments = _parser().parse_args()
    engine = Engine(ROOT / "models", arguments.provider)
    engine.warm_up()
    decoder = Decoder(25_000_000, 20)
    try:
        stages = _stages(engine, decoder, arguments.rounds)
    finally:
        decoder.close()
    found = {
        "machine": _machine(),
        "provider": engine.provider,
        "models": engine.manifest.version,
        "milliseconds": stages,
        "pictures_per_second": {str(size): _throughput(engine, size) for size in (1, arguments.batch)},
    }
    print(json.dumps(found, indent=2))
    if arguments.output:
        arguments.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--provider", default="auto", choices=["auto", "cuda", "cpu"])
    parser.add_argument("--output", type=Path)
    return parser


def _stages(engine: Engine, decoder: Decoder, rounds: int) -> dict[str, dict[str, float]]:
    """Median and 95th percentile of every stage, in milliseconds."""
    taken: dict[str, list[float]] = {}
    for seed in range(rounds):
        content = _png(seed)
        picture = _timed(taken, "decode", lambda content=content: decoder.decode(content))
        _timed(taken, "check", lambda picture=picture: check(picture))
        (findings,) = _timed(taken, "read", lambda picture=picture: engine.read([picture]))
        for stage, milliseconds in findings.milliseconds.items():
            taken.setdefault(stage, []).append(milliseconds)
    return {stage: _summary(numbers) for stage, numbers in taken.items()}


def _timed(taken: dict[str, list[float]], stage: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = work()
    taken.setdefault(stage, []).append((time.perf_counter() - started) * 1000)
    return result


def _summary(numbers: list[float]) -> dict[str, float]:
    ordered = sorted(numbers)
    return {"p50": round(statistics.median(ordered), 2), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2)}


def _throughput(engine: Engine, batch: int, seconds: float = 5.0) -> float:
    """Pictures that go through the networks in a second, `batch` at a time."""
    pictures = [Picture(speckle(seed, "oval"), "png") for seed in range(batch)]
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        engine.read(pictures)
        count += batch
    return round(count / (time.perf_counter() - started), 2)


def _png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(speckle(seed, "oval" if seed % 2 else "irregular")).save(buffer, "PNG")
    return buffer.getvalue()


def _machine() -> dict[str, object]:
    return {"processor": _processor(), "cores": len(os.sched_getaffinity(0)), "python": platform.python_version()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
