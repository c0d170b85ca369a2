"""The child processes of the front door: in groups of their own, reaped, and ended with us, whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)
_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_LIBC = ctypes.CDLL(None, use_errno=True)
_HAS_PRCTL = sys.platform == "linux"  # elsewhere what `kill -9` of us leaves behind has to be ended by hand


@dataclass
class Child:
    """`status` is its exit status as a shell would tell it, None while it runs."""

    name: str
    pid: int
    status: int | None = None

    @property
    def runs(self) -> bool:
        return self.status is None

    def send(self, number: int) -> None:
        """A signal, if it still runs."""
        if self.runs:
            os.kill(self.pid, number)

    def has_left_any(self) -> bool:
        """True while it, or a process that it started, runs."""
        return self._is_group_told(0)

    def end_all(self) -> None:
        """`kill -9` for it and whatever it started."""
        self._is_group_told(signal.SIGKILL)

    def _is_group_told(self, number: int) -> bool:
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def start(name: str, command: Sequence[str], environment: Mapping[str, str], errors: int | None = None) -> Child:
    """Start a program. Ctrl-C in the terminal reaches us alone; `kill -9` of us ends it, too.

    Args:
        errors: file descriptor that gets its standard error; None leaves it ours.
    """
    process = subprocess.Popen(  # noqa: S603 - our own words, and nothing that anybody sent
        command, env=dict(environment), stdin=subprocess.DEVNULL, stderr=errors, process_group=0,
        preexec_fn=_end_with_parent,  # we have no other threads
    )  # fmt: skip
    process.returncode = 0  # `reap` looks after it, and after all others
    return Child(name, process.pid)


def adopt() -> None:
    """Become the parent of whatever our children leave behind, so that `reap` sees its end, too."""
    if _HAS_PRCTL:
        _LIBC.prctl(_SET_CHILD_SUBREAPER, 1)


def _end_with_parent() -> None:
    if _HAS_PRCTL:
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def reap(children: Sequence[Child]) -> None:
    """Take note of every child that has ended, also of those that we adopted."""
    by_pid = {child.pid: child for child in children}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in by_pid:
            code = os.waitstatus_to_exitcode(status)
            by_pid[pid].status = code if code >= 0 else 128 - code
