"""The child that decodes uploads: `python -m imaging.files.decoder_process WALLS [FILE]`, see `app.workers.decoding`.

WALLS is `shut` or `open`: whether it shuts itself in (`sandbox.py`) before the first foreign byte. Where it can't, its
first frame says why, and whoever started it decides.

Frames on stdin and stdout: a big-endian uint32 length, a JSON header of that length, then the header's `length` bytes.
The child speaks first: `sandbox`, the means that shut it in or null, and `missing`, why not. Request header:
`max_pixels`, `frame`, `cpu_s`, `length` (of the file). Answer header: the fields of a Picture, or `refused` with code,
sentence and status; `length` (of the pixels, uint8 row by row); `is_last` when the child ends. Nothing is pickled: the
parent need not trust what a child says. FILE is the descriptor of a file whose lock children that share it hold while
they decode a large picture, so that there is memory for only one of these at a time.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from imaging.errors import RefusedUpload
from imaging.files import sandbox
from imaging.files.decode import decode
from imaging.files.warm_up import use_every_reader
from imaging.picture import Picture

try:
    import fcntl
    import resource
except ImportError:  # Windows has no such limits; the parent's clock still holds
    fcntl = resource = None  # type: ignore[assignment]

MEMORY_BYTES = 1536 * 1024 * 1024
MOST_JOBS = 200
MOST_CPU_S = 300
LARGE_PIXELS = 8_000_000
LONGEST_WAIT_S = 6.0
LENGTH = struct.Struct(">I")
SHUT, OPEN = "shut", "open"


def main() -> None:
    """Answer requests until the parent closes the pipe or the budget of this child is used up."""
    requests, answers = _claim_pipes()
    _limit_for_good()
    write_frame(answers, _shut_in() if sys.argv[1:2] == [SHUT] else {"sandbox": None, "missing": "turned off"}, b"")
    for job in range(1, MOST_JOBS + 1):
        header = read_header(requests)
        if header is None:
            return
        content = _exactly(requests, header["length"])
        _limit_cpu(header["cpu_s"])
        answer, pixels = _answer(content, header)
        answer["is_last"] = job == MOST_JOBS or _cpu_used_s() > MOST_CPU_S
        write_frame(answers, answer, pixels)
        if answer["is_last"]:
            return


def _shut_in() -> dict[str, str | None]:
    """Shut this process in, once all that decoding needs is at hand, and say how; where that can't be, why not."""
    use_every_reader()
    try:
        sandbox.enter()
    except sandbox.NoSandbox as reason:
        return {"sandbox": None, "missing": str(reason)}
    return {"sandbox": sandbox.MEANS, "missing": ""}


def read_header(stream: IO[bytes], longest: int = 65_536) -> dict[str, Any] | None:
    """Read one JSON header, None at the end of the stream.

    Raises:
        ValueError: the header is longer than `longest` bytes or is not JSON.
        EOFError: the stream ends inside the header.
    """
    prefix = stream.read(LENGTH.size)
    if not prefix:
        return None
    if len(prefix) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(prefix)
    if length > longest:
        raise ValueError("header too long")
    found = json.loads(_exactly(stream, length))
    if not isinstance(found, dict):
        raise ValueError("header is not an object")
    return found


def write_frame(stream: IO[bytes], header: dict[str, Any], body: bytes | memoryview) -> None:
    """Write a header, to which the body's length is added, and the body."""
    text = json.dumps(header | {"length": len(body)}).encode()
    stream.write(LENGTH.pack(len(text)) + text)
    stream.write(body)
    stream.flush()


def _answer(content: bytes, header: dict[str, Any]) -> tuple[dict[str, Any], bytes | memoryview]:
    try:
        picture = _picture(content, header["max_pixels"], header["frame"])
    except RefusedUpload as error:
        return {"refused": {"code": error.code, "sentence": error.sentence, "status": error.status}}, b""
    return _described(picture), np.ascontiguousarray(picture.pixels).data.cast("B")


def _picture(content: bytes, max_pixels: int, frame: int | None) -> Picture:
    """Decode at once what is small; what the header says is large waits until no other child decodes such a one."""
    try:
        return decode(content, min(max_pixels, LARGE_PIXELS), frame)
    except RefusedUpload as error:
        if error.code != "too_many_pixels" or max_pixels <= LARGE_PIXELS:
            raise
    with _turn():
        return decode(content, max_pixels, frame)


@contextmanager
def _turn() -> Iterator[None]:
    """Hold the lock of the shared file; whoever waits too long goes on without it rather than time out."""
    if fcntl is None or len(sys.argv) < 3:
        yield
        return
    file, deadline = int(sys.argv[2]), time.monotonic() + LONGEST_WAIT_S
    while not _has_locked(file) and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)


def _has_locked(file: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of the process, not of the file: inherited ones exclude too
    except OSError:
        return False
    return True


def _described(picture: Picture) -> dict[str, Any]:
    spacing = picture.spacing
    return {
        "height": picture.height,
        "width": picture.width,
        "kind": picture.kind,
        "colour_share": picture.colour_share,
        "spacing_mm": None if spacing is None else spacing.mm_per_pixel,
        "spacing_source": None if spacing is None else spacing.source,
        "frame": picture.frame,
        "frames": picture.frames,
        "notices": list(picture.notices),
        "origin": None if picture.origin is None else asdict(picture.origin),
        "objection": None if picture.objection is None else asdict(picture.objection),
    }


def _exactly(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return content


def _claim_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the pipes for frames; whatever a library prints goes nowhere."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return requests, answers


def _limit_for_good() -> None:
    """No files, no core, little memory; a decoder needs none of the first two."""
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu(cpu_s: int) -> None:
    """Let this job use `cpu_s` more seconds; the kernel ends the process after that."""
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(_cpu_used_s()) + cpu_s + 1, hard))


def _cpu_used_s() -> float:
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    main()
