"""Decoding in child processes with limits: what somebody sends never meets a parser in the server itself."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import imaging
from app.workers import deadlines, memory
from imaging.errors import RefusedUpload
from imaging.files.decoder_process import OPEN, SHUT, read_header, write_frame
from imaging.picture import Objection, Origin, Picture, Spacing

ROOT = Path(imaging.__file__).parent.parent
_COMMAND: Sequence[str] = (sys.executable, "-s", "-m", "imaging.files.decoder_process")
# A child inherits no secret: only what an interpreter needs to start.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP")
_OWN_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **memory.ENVIRONMENT}
AUTO, REQUIRED, OFF = SANDBOXES = ("auto", "required", "off")
START_S = 60.0  # longest that a child may take until it is ready: imports, on a machine with other work
LONGEST_WAIT_S = 10.0  # for a child that is free: who waits holds a thread of the server
PIPE_BYTES = 1 << 20  # the most that Linux lets everybody have
_STATUSES = {413, 415, 422}
_USED_UP = -getattr(signal, "SIGXCPU", 0) or None
_DAMAGED = "The picture could not be read. It may be damaged; export or download it again."
_TIMEOUT = "Reading the picture took too long, so it was given up. Export it as PNG or JPEG and try again."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Walls:
    """What shuts a child in: the means, or None and why there is none."""

    means: str | None
    missing: str = ""


class NoDecoder(RefusedUpload):
    """Nothing is known against the picture: no child was free in time, or none could be started."""

    def __init__(self) -> None:
        super().__init__("decoder_busy", "Many pictures are being read at this moment. Try again in a minute.", 503)


class TookTooLong(RefusedUpload):
    """The picture was given up for the time that reading it took."""

    code = "decode_timeout"

    def __init__(self) -> None:
        super().__init__(self.code, _TIMEOUT)


class ChildEnded(Exception):
    """A child broke off: it crashed, was killed, or answered what it can't."""


class ChildNotReady(Exception):
    """A child was given nothing yet: it ended while it started, or it is not shut in as it has to be."""


class Decoder:
    """A pool of decoding children, started when they are first needed. Safe to use from many threads.

    Args:
        max_pixels: largest accepted picture.
        timeout_s: longest that one upload may take; the child is killed after that.
        children: how many uploads are decoded at once.
        sandbox: auto shuts children in where that is possible, required uses no others, off leaves them open.
    """

    def __init__(self, max_pixels: int, timeout_s: int, children: int = 2, sandbox: str = AUTO) -> None:
        self.max_pixels = max_pixels
        self.timeout_s = timeout_s
        self._sandbox = sandbox
        self._size = children
        self._process_id = os.getpid()
        self._large = tempfile.TemporaryFile()  # noqa: SIM115 - children lock it while they decode a large picture
        weakref.finalize(self, self._large.close)
        self._fill()

    def decode(self, content: bytes, frame: int | None = None) -> Picture:
        """Decode one upload in a child; see `imaging.files.decode.decode`.

        Raises:
            RefusedUpload: the codes of `imaging.files.decode.decode`, and `damaged_image` when the child crashed.
            TookTooLong: it was killed for its time (422).
            NoDecoder: all are at work, or none can be started.
        """
        child = self._take()
        is_reusable = False
        try:
            header, pixels = child.ask(content, self.max_pixels, frame, self.timeout_s)
            is_reusable = not header.get("is_last")
            return _picture(header, pixels)
        except (ChildEnded, ValueError, KeyError, TypeError):
            is_reusable = False
            raise _refusal(child) from None
        except ChildNotReady as reason:
            log.error("no decoder could be used", extra={"reason": str(reason)})
            raise NoDecoder from None
        except OSError:
            raise NoDecoder from None
        finally:
            if not is_reusable:
                child.renew()
            self._free.put(child)

    def warm_up(self) -> None:
        """Start one child now, so that the first upload does not wait for it."""
        child = self._take()
        try:
            child.meet()
        except (ChildNotReady, OSError) as reason:
            log.error("no decoder could be started", extra={"reason": str(reason) or type(reason).__name__})
        finally:
            self._free.put(child)

    @property
    def walls(self) -> Walls | None:
        """What shuts the children in, as those that run say; None before the first one does."""
        return next((child.walls for child in self._children if child.walls is not None), None)

    def close(self) -> None:
        """End every child; an upload that is being decoded is refused as damaged."""
        _end_all(self._children)

    def _take(self) -> Child:
        if self._process_id != os.getpid():
            # After a fork the pipes belong to the parent too: two processes would read each other's pictures.
            self._process_id = os.getpid()
            self._fill()
        try:
            return self._free.get(timeout=min(self.timeout_s, LONGEST_WAIT_S))
        except queue.Empty:
            raise NoDecoder from None

    def _fill(self) -> None:
        self._children = [Child(self._large.fileno(), self._sandbox) for _ in range(self._size)]
        weakref.finalize(self, _end_all, self._children)
        self._free: queue.LifoQueue[Child] = queue.LifoQueue()
        for child in self._children:
            self._free.put(child)


class Child:
    """One decoding process, which is replaced by a new one whenever it ended.

    Args:
        large: descriptor of an open file that all children of a pool share; None where there is only one.
        sandbox: see `Decoder`.
    """

    def __init__(self, large: int | None = None, sandbox: str = AUTO) -> None:
        self._large = large
        self._sandbox = sandbox
        self.walls: Walls | None = None  # None until the running process has said it
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._was_killed = False

    @property
    def was_slow(self) -> bool:
        """True when the last job ran out of time by the clock or, as the kernel counts, of processor time."""
        has_used_up = self._process is not None and self._process.poll() == _USED_UP
        return self._was_killed or has_used_up

    def start(self) -> subprocess.Popen[bytes]:
        """The running process, a new one where none is."""
        if self._process is None or self._process.poll() is not None:
            self.end()
            shared = () if self._large is None else (self._large,)
            environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            self._process = subprocess.Popen(  # noqa: S603 - our own command, never a word of an upload
                [*_COMMAND, OPEN if self._sandbox == OFF else SHUT, *map(str, shared)], pass_fds=shared,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
                env=environment | _OWN_ENVIRONMENT, start_new_session=True,
            )  # fmt: skip
            for pipe in (self._process.stdin, self._process.stdout):
                _widen(pipe)
        return self._process

    def meet(self) -> subprocess.Popen[bytes]:
        """The running process, once it is ready for a picture: shut in, unless it may be open.

        Raises:
            ChildNotReady: it ended before, or it is open and may not be.
            OSError: none can be started.
        """
        process = self.start()
        if self.walls is None:
            with deadlines.limited(START_S, process.kill):
                found = _said_first(process)
            if found.means is None and self._sandbox == REQUIRED:
                self.end()
                raise ChildNotReady(found.missing)
            self.walls = found
        return process

    def ask(self, content: bytes, max_pixels: int, frame: int | None, timeout_s: int) -> tuple[dict[str, Any], bytes]:
        """Send one request and wait for the answer: its header and the pixels.

        Raises:
            ChildNotReady, OSError: see `meet`; nothing was sent.
            ChildEnded: no whole answer came.
            ValueError: the answer is not one.
        """
        process = self.meet()
        self._was_killed = False
        request = {"max_pixels": max_pixels, "frame": frame, "cpu_s": timeout_s}
        try:
            with deadlines.limited(timeout_s, lambda: self._kill_slow(process)):
                return _exchange(process, content, request)
        except (OSError, EOFError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)  # a process that broke off is about to end; how it did tells why
            raise ChildEnded from error

    def renew(self) -> None:
        """End the process and start another, which gets ready while nobody waits for it."""
        self.end()
        with contextlib.suppress(OSError):  # whoever needs it tries again
            self.start()

    def end(self) -> None:
        """Kill the process, if there is one, and wait for it."""
        self.walls = None
        if self._process is None:
            return
        if self._owner != os.getpid():
            self._process = None  # a fork's copy: the process belongs to the parent
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            _close(pipe)
        self._process = None

    def _kill_slow(self, process: subprocess.Popen[bytes]) -> None:
        self._was_killed = True
        process.kill()


def _said_first(process: subprocess.Popen[bytes]) -> Walls:
    """What a process says when it is ready.

    Raises:
        ChildNotReady: it ended instead, or said something else.
    """
    assert process.stdout is not None
    try:
        header = read_header(process.stdout)
        if header is None or header["length"] != 0:
            raise ChildNotReady("it ended while it started")
        return Walls(None if header["sandbox"] is None else str(header["sandbox"]), str(header["missing"]))
    except (EOFError, ValueError, KeyError) as error:
        raise ChildNotReady("it said something else") from error


def _exchange(
    process: subprocess.Popen[bytes], content: bytes, request: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    write_frame(process.stdin, request, content)
    header = read_header(process.stdout)
    if header is None:
        raise EOFError
    length = header["length"]
    if not isinstance(length, int) or not 0 <= length <= request["max_pixels"]:
        raise ValueError("more pixels than asked for")
    pixels = process.stdout.read(length)
    if len(pixels) != length:
        raise EOFError
    return header, pixels


def _picture(header: dict[str, Any], pixels: bytes) -> Picture:
    """The Picture of an answer, every field checked on the way.

    Raises:
        RefusedUpload: the child refused the file.
        ValueError, KeyError, TypeError: the answer does not hold together.
    """
    if "refused" in header:
        refused = header["refused"]
        if refused["status"] not in _STATUSES:
            raise ValueError("not a status of a refusal")
        raise RefusedUpload(str(refused["code"]), str(refused["sentence"]), int(refused["status"]))
    height, width = int(header["height"]), int(header["width"])
    if min(height, width) < 1:
        raise ValueError("a picture without pixels")
    millimetres = header["spacing_mm"]
    return Picture(
        pixels=np.frombuffer(pixels, dtype=np.uint8).reshape(height, width),
        kind=str(header["kind"]),
        colour_share=float(header["colour_share"]),
        spacing=None if millimetres is None else Spacing(float(millimetres), str(header["spacing_source"])),
        frame=int(header["frame"]),
        frames=int(header["frames"]),
        notices=tuple(str(notice) for notice in header["notices"]),
        origin=_origin(header.get("origin")),
        objection=_objection(header.get("objection")),
    )


def _origin(found: Any) -> Origin | None:
    return None if found is None else Origin(**{str(name): int(value) for name, value in found.items()})


def _objection(found: Any) -> Objection | None:
    return None if found is None else Objection(str(found["code"]), str(found["sentence"]))


def _refusal(child: Child) -> RefusedUpload:
    if child.was_slow:
        return TookTooLong()
    return RefusedUpload("damaged_image", _DAMAGED)


def _end_all(children: Sequence[Child]) -> None:
    for child in children:
        child.end()


def _widen(pipe: Any) -> None:
    """Let a whole picture fit into a pipe, so that writer and reader need not take turns for each 64 KB of it."""
    with contextlib.suppress(OSError, AttributeError):  # the system allows less, or is not Linux
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _close(pipe: Any) -> None:
    with contextlib.suppress(OSError):  # what was still to be written had nobody to read it
        pipe.close()
