"""How much is measured: the whole run of some twenty minutes, or a quick one of three."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Plan:
    """`duration_s` is the time of one cell of the results over all `rounds`; `loads` are shares of the capacity."""

    duration_s: float = 24.0
    rounds: int = 3
    clients: tuple[int, ...] = (1, 4, 16, 64)
    loads: tuple[float, ...] = (0.5, 0.9, 1.2)
    megapixels: tuple[float, ...] = (0.2, 0.5, 1, 2, 5, 10, 25)
    batches: tuple[int, ...] = (1, 4)
    peers: tuple[str, ...] | None = None
    provider: str = "cpu"
    overload_minutes: float = 0.0
    is_quick: bool = False
    output: Path = RESULTS / "latest.json"

    @property
    def slice_s(self) -> float:
        return self.duration_s / self.rounds


def from_arguments(arguments: list[str] | None = None) -> Plan:
    """The plan that the command line asks for; DURATION, ROUNDS and GPU may also come from the environment."""
    asked = _parser().parse_args(arguments)
    plan = Plan(overload_minutes=asked.overload)
    if asked.quick:
        plan = replace(
            plan, duration_s=5.0, rounds=2, clients=(1, 16), loads=(0.9,), megapixels=(0.2, 1, 5), is_quick=True
        )
    if asked.gpu:
        gpu = RESULTS / "gpu.json"
        plan = replace(plan, provider="cuda", batches=(1, 4, 16, 32), peers=(), output=gpu)
    if asked.duration:
        plan = replace(plan, duration_s=asked.duration)
    if asked.rounds:
        plan = replace(plan, rounds=asked.rounds)
    if asked.peers is not None:
        plan = replace(plan, peers=tuple(name for name in asked.peers.split(",") if name))
    return replace(plan, output=asked.output or plan.output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure")
    parser.add_argument("--quick", action="store_true", help="a short run of some three minutes")
    parser.add_argument("--gpu", action="store_true", default=os.environ.get("GPU") == "1", help="on an NVIDIA GPU")
    parser.add_argument("--duration", type=float, default=float(os.environ.get("DURATION") or 0), help="s per cell")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS") or 0))
    parser.add_argument("--peers", help="names with commas; by default those that are installed, on a GPU none")
    parser.add_argument("--overload", type=float, default=0.0, metavar="MINUTES", help="then twice the capacity")
    parser.add_argument("--output", type=Path)
    return parser
