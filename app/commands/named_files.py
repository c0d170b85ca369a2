"""The content of a file that somebody named: within a limit, and without ever waiting for long."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import Any

import click

from app.commands.endings import reason
from app.commands.found_files import STANDARD_INPUT, no_file
from imaging.errors import RefusedUpload

SILENCE_S, PATIENCE_S = 10.0, 120.0  # of a pipe: until something comes, and until it ends
_PIECE_BYTES = 1 << 20
_TERMINAL = "Standard input is a terminal. Name a file, or send one through a pipe."


class NamedPath(click.Path):
    """A path. A name that is empty, as an unset variable of a script is, does not mean the present folder."""

    def __init__(self, **more: Any) -> None:
        super().__init__(path_type=Path, **more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, checked."""
        if not value:
            self.fail("the name is empty.", param, ctx)
        return super().convert(value, param, ctx)


class NamedFile(NamedPath):
    """A file that has to be there. What would keep us waiting, as a named pipe does, is refused like a typing error."""

    def __init__(self, **more: Any) -> None:
        super().__init__(exists=True, **more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, checked."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            self.fail(f"{click.format_filename(path)}: {no_file(mode).sentence}", param, ctx)
        return path


def content(path: Path, limit: int) -> bytes:
    """The bytes of a file; "-" is standard input. A pipe is read if it ends in time.

    Args:
        limit: most bytes that it may have.

    Raises:
        RefusedUpload: it can't be opened, is no file, does not end, or is larger.
    """
    try:
        found = _from_standard_input(limit + 1) if path == STANDARD_INPUT else _from_file(path, limit + 1)
    except OSError as error:
        raise _unreadable(f"The file can't be opened: {reason(error)}.") from error
    if len(found) > limit:
        size = f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1000} kB"
        raise RefusedUpload("too_large", f"The file is larger than {size}.", 413)
    return found


def _from_standard_input(most: int) -> bytes:
    if sys.stdin is None:
        raise _unreadable("Standard input is closed.")
    if sys.stdin.isatty():
        raise _unreadable(_TERMINAL)
    return _read(sys.stdin.fileno(), most)


def _from_file(path: Path, most: int) -> bytes:
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise no_file(mode)
    # Without O_NONBLOCK the system would wait until somebody writes to the pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        return _read(descriptor, most)
    finally:
        os.close(descriptor)


def _read(descriptor: int, most: int) -> bytes:
    poll, pieces, size = select.poll(), list[bytes](), 0
    poll.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + PATIENCE_S
    while size < most:
        if not poll.poll(SILENCE_S * 1000):
            raise _unreadable(f"Nothing came through the pipe for {SILENCE_S:.0f} seconds.")
        if time.monotonic() > deadline:
            raise _unreadable(f"The pipe did not end within {PATIENCE_S:.0f} seconds.")
        piece = os.read(descriptor, min(_PIECE_BYTES, most - size))
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _unreadable(sentence: str) -> RefusedUpload:
    return RefusedUpload("unreadable_file", sentence)
