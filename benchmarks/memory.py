"""How much memory a process and all its children hold (Linux)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
USUAL_PAUSE_S, CLOSE_PAUSE_S = 1.0, 0.03


def tree(process_id: int) -> list[int]:
    """The process and its descendants that live."""
    found = [process_id]
    for each in found:
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it ended meanwhile
            continue
    return found


def memory_mb(process_id: int, known: Collection[int] | None = None) -> float:
    """Megabytes of a process tree: what each process has for itself, and once what the largest shares with others.

    Args:
        known: other processes of the tree do not count; None counts all.
    """
    own, shared = 0, [0]
    for each in tree(process_id):
        if known is not None and each not in known:
            continue
        try:
            fields = Path(f"/proc/{each}/statm").read_text().split()
        except OSError:
            continue
        own += int(fields[1]) - int(fields[2])
        shared.append(int(fields[2]))
    return (own + max(shared)) * PAGE / 1e6


class MemoryWatch:
    """Looks at a process tree from beside, once a second or closely, and keeps the highest it saw.

    A process counts from the second look on. One that is just being started is for a moment a copy of its parent, and
    would seem to have all of its memory once more.
    """

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id
        self._woken, self._is_stopping = threading.Event(), False
        self._pause_s = USUAL_PAUSE_S
        self._recent_mb = self._highest_mb = 0.0
        self._seen: set[int] = set()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._is_stopping:
            self._woken.wait(self._pause_s)
            self._woken.clear()
            self._recent_mb = max(self._recent_mb, self.now_mb())
            self._highest_mb = max(self._highest_mb, self._recent_mb)

    def now_mb(self) -> float:
        """What it holds right now."""
        known, self._seen = self._seen, set(tree(self._process_id))
        return memory_mb(self._process_id, known)

    @property
    def peak_mb(self) -> float:
        """The most it ever held, as far as was seen."""
        return round(self._highest_mb, 1)

    def highest_mb(self, work: Callable[[], object]) -> float:
        """The most it holds while `work` runs."""
        self.now_mb()
        self._recent_mb = self.now_mb()
        work()
        return round(max(self._recent_mb, self.now_mb()), 1)

    def extra_mb(self, work: Callable[[], object]) -> float:
        """How much more than before it holds at the most while `work` runs; looks often meanwhile."""
        self.now_mb()
        before = self.now_mb()
        self._pause_s = CLOSE_PAUSE_S
        self._woken.set()
        try:
            return round(self.highest_mb(work) - before, 1)
        finally:
            self._pause_s = USUAL_PAUSE_S

    def stop(self) -> None:
        """Look no longer."""
        self._is_stopping = True
        self._woken.set()
