"""Shuts a decoding child in: from then on it computes, reads and writes the pipes that it holds, and nothing else.

The kernel refuses every call that is not named here: opening a file, making a socket, starting or signalling a process,
mapping code. The list is an allowlist of seccomp, written with libseccomp. It needs no right that a plain user does not
have, and can't be taken back. See docs/adr/0015-the-decoder-is-shut-in.md.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import sys
from typing import Any

MEANS = "seccomp"
# Memory, time, signals of its own, and the ends of pipes that are open already.
_ALLOWED = (
    "read", "readv", "write", "writev", "lseek", "_llseek", "close",
    "brk", "munmap", "mremap", "madvise", "futex", "membarrier", "sched_yield", "sched_getaffinity",
    "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times", "getrusage", "restart_syscall",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "sigreturn",
    "getpid", "gettid", "getrandom", "exit", "exit_group",
    "set_robust_list", "rseq",  # of a thread that begins
)  # fmt: skip
_OF_ITSELF = ("prlimit64",)  # glibc's setrlimit: process 0 is the caller
_WITHOUT_CODE = ("mmap", "mmap2", "mprotect")  # memory, but none that could be run
_THREAD = 0x10000  # CLONE_THREAD: the reader of HEIC works in a thread of its own; a process stays out of reach
_LOCKS = (fcntl.F_GETFD, fcntl.F_GETFL, fcntl.F_SETLK, fcntl.F_SETLKW)


class NoSandbox(Exception):
    """The means are missing; the message is the end of a sentence for the operator."""


def enter() -> None:
    """Shut the present process in, for good. Whatever it still has to import or open has to be there before.

    Raises:
        NoSandbox: libseccomp or its binding is not installed, or the kernel has no seccomp filters.
    """
    binding = _binding()
    wall = binding.SyscallFilter(binding.ERRNO(errno.EPERM))
    try:
        wall.set_attr(binding.Attr.CTL_TSYNC, 1)  # for threads that a library has started, too
        _open_gates(binding, wall)
        wall.load()  # sets no_new_privs, too
    except OSError as error:
        raise NoSandbox(f"the kernel takes no seccomp filter ({error.strerror})") from error


def _binding() -> Any:  # a module without types
    try:
        import pyseccomp  # here: it looks for libseccomp while it is imported
    except ImportError as error:
        raise NoSandbox("pyseccomp is not installed") from error
    except (RuntimeError, OSError, AttributeError) as error:
        raise NoSandbox("libseccomp is not installed") from error
    return pyseccomp


def _open_gates(binding: Any, wall: Any) -> None:
    zero = binding.Arg(0, binding.EQ, 0)
    no_code = binding.Arg(2, binding.MASKED_EQ, mmap.PROT_EXEC, 0)
    gates: list[tuple[str, tuple[Any, ...]]] = [(name, ()) for name in _ALLOWED]
    gates += [(name, (zero,)) for name in _OF_ITSELF]
    gates += [(name, (no_code,)) for name in _WITHOUT_CODE]
    gates += [("fcntl", (binding.Arg(1, binding.EQ, command),)) for command in _LOCKS]
    gates += [("tgkill", (binding.Arg(0, binding.EQ, os.getpid()),))]  # abort(3)
    gates += [("clone", (binding.Arg(0, binding.MASKED_EQ, _THREAD, _THREAD),))]
    newer = binding.resolve_syscall(binding.Arch.NATIVE, "clone3")
    if newer >= 0:  # its flags lie in memory, where no filter sees them: "not there" makes glibc take the older call
        wall.add_rule(binding.ERRNO(errno.ENOSYS), newer)
    for name, conditions in gates:
        number = binding.resolve_syscall(binding.Arch.NATIVE, name)
        if number >= 0:  # below zero: this kind of processor has no such call
            wall.add_rule(binding.ALLOW, number, *conditions)


def main() -> None:
    """`python -m imaging.files.sandbox` tries it and ends: status 1 and a reason on stdout where that can't be."""
    try:
        enter()
    except NoSandbox as reason:
        sys.stdout.write(str(reason))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
