"""A process that works on order: one JSON line in, one JSON line out. Keeps each part's memory and time apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.memory import MemoryWatch

ROOT = Path(__file__).parent.parent


class Worker:
    """A child process `python -m module`, which calls `answer_orders`."""

    def __init__(self, module: str, *arguments: str) -> None:
        started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.memory = MemoryWatch(self._process.pid)
        self._answer()
        self.ready_s = round(time.monotonic() - started, 2)

    def ask(self, **order: Any) -> dict[str, Any]:
        """Have an order carried out.

        Raises:
            RuntimeError: the process ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """No more orders: it ends by itself."""
        self.memory.stop()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def answer_orders(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Serve a `Worker`: say that we are there, then answer until no order comes. Stray prints go to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps({}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line))), file=answers, flush=True)
