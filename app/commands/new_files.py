"""Files that a command writes: beside their place first, and into it once they are whole.

What stands there already is kept: it takes --force to replace it, and nothing replaces a file that is read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.commands.endings import CantWrite, Refused
from app.commands.found_files import Identity, identity
from app.commands.names import told

STANDARD_OUTPUT = Path("-")
UNFINISHED = ".unfinished"
_LONGEST_NAME = 255  # bytes, on every file system in use


class Sheet:
    """Text that grows row by row.

    Attributes:
        is_worth_keeping: somebody would miss the rows, were the run to end now.
        has_rows: anything was written.
    """

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self.name = name
        self._file = file
        self._row: list[str] = []
        self._whole = 0  # bytes of all rows that were written whole
        self.is_worth_keeping = False

    @property
    def has_rows(self) -> bool:
        return self._whole > 0

    def write(self, text: str) -> int:
        """Add to the present row."""
        self._row.append(text)
        return len(text)

    def end_row(self) -> None:
        """Write the present row, in UTF-8.

        Raises:
            BrokenPipeError: nobody reads any more.
            CantWrite: anything else.
        """
        content = "".join(self._row).encode("utf-8", errors="backslashreplace")
        self._row.clear()
        try:
            _write_all(self._file, content)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CantWrite(self.name, error) from error
        self._whole += len(content)

    def cut(self) -> None:
        """Take back what a row that broke off has left in a file."""
        with contextlib.suppress(OSError):
            self._file.truncate(self._whole)


def check(path: Path | None, read: Collection[Identity], is_forced: bool, option: str) -> None:
    """See that a file may be written, before anything is read.

    Args:
        path: None and "-" are standard output.
        read: the files that will be read.
        is_forced: whether a file that is there may be replaced.
        option: which option names it.

    Raises:
        Refused: it is one of those, it is there, or it is none that can be written to.
        CantWrite: the system takes no such name.
    """
    standard = is_standard(path)
    if (standard_file() if standard else identity(path or STANDARD_OUTPUT)) in read:
        name = "Standard output" if path is None else f"{option} {told(path)}"
        raise Refused(f"{name} is one of the files to be read. Name another place.")
    if path is None or standard:
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise CantWrite(told(path), error) from error
    if stat.S_ISBLK(mode) or stat.S_ISDIR(mode):
        raise Refused(f"{option} {told(path)} is no file.")
    if stat.S_ISREG(mode) and not is_forced:
        raise Refused(f"{told(path)} is there already. Name another file, or say --force to replace it.")


def is_standard(path: Path | None) -> bool:
    """True for standard output, whatever it is called (`/dev/stdout`)."""
    if path is None or path == STANDARD_OUTPUT:
        return True
    found = standard_file()
    return found is not None and identity(path) == found


def standard_file() -> Identity | None:
    """The file that standard output goes to; None where it is a terminal, a pipe or closed."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = sys.stdout.fileno()
        return identity(number) if stat.S_ISREG(os.fstat(number).st_mode) else None
    return None


@contextmanager
def sheet(path: Path | None, is_forced: bool) -> Iterator[Sheet]:
    """A sheet to fill. A file takes its place when the block ends; pipes and standard output get each row at once.

    A file that is there is kept when the new one holds nothing that is worth keeping. When an error ends the block,
    the rows so far are kept under another name if they are worth it, and the error gets a note that says where.

    Args:
        path: None and "-" are standard output.

    Raises:
        CantWrite: it can't be opened, or can't take its place.
    """
    if path is None or is_standard(path):
        if sys.stdout is None:
            raise CantWrite("Standard output", OSError(0, "it is closed"))
        yield Sheet("Standard output", sys.stdout.buffer)
    elif (mode := _mode(path)) is not None and not stat.S_ISREG(mode):
        with _other_end(path) as file:
            yield Sheet(told(path), file)
    else:
        with _taking_its_place(path, is_forced) as filled:
            yield filled


def put(path: Path, content: bytes, is_forced: bool) -> None:
    """Write a whole file with the folders above it, or nothing.

    Raises:
        OSError: it can't be written; FileExistsError: it is there, and may not be replaced.
    """
    unfinished, missing = _beside(path), _missing_folders(path)
    try:
        _make(path.parent)
        with _new(unfinished) as file:
            _write_all(file, content)
        _move(unfinished, path, is_forced)
    except BaseException:
        _remove(unfinished, missing)
        raise


@contextmanager
def _other_end(path: Path) -> Iterator[IO[bytes]]:
    """A pipe or a device, opened without waiting until somebody reads."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise CantWrite(told(path), error) from error
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        yield file


@contextmanager
def _taking_its_place(path: Path, is_forced: bool) -> Iterator[Sheet]:
    target = Path(os.path.realpath(path))  # a link stays one
    unfinished, missing = _beside(target), _missing_folders(target)
    try:
        _make(target.parent)
        file = _new(unfinished)
    except OSError as error:
        _remove(None, missing)
        raise CantWrite(told(path), error) from error
    with file:
        filled = Sheet(told(path), file)
        try:
            yield filled
            if filled.has_rows and (filled.is_worth_keeping or not target.exists()):
                _finish(file, unfinished, target, is_forced)
            else:
                _remove(unfinished, missing)
        except BaseException as error:
            filled.cut()
            if filled.is_worth_keeping:
                error.add_note(f"The rows so far are in {told(unfinished)}.")
            else:
                _remove(unfinished, missing)
            raise


def _new(path: Path) -> IO[bytes]:
    """A new file; one that is there is never opened, nor what a link leads to."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), "r+b", buffering=0)


def _beside(path: Path) -> Path:
    """A name in the same folder that nobody uses."""
    ending = f".{secrets.token_hex(4)}{UNFINISHED}"
    return path.with_name(os.fsdecode(os.fsencode(path.name)[: _LONGEST_NAME - len(ending)]) + ending)


def _finish(file: IO[bytes], unfinished: Path, target: Path, is_forced: bool) -> None:
    try:
        os.fsync(file.fileno())
        _move(unfinished, target, is_forced)
    except OSError as error:
        raise CantWrite(told(target), error) from error


def _move(unfinished: Path, target: Path, is_forced: bool) -> None:
    """Give a whole file its name.

    Raises:
        OSError: it can't have it; FileExistsError: another has it meanwhile, and may not be replaced.
    """
    if not is_forced:
        try:
            target.hardlink_to(unfinished)  # the one way that never replaces
        except FileExistsError:
            raise
        except OSError:  # file systems without: FAT, some network disks
            if target.exists():
                raise
        else:
            unfinished.unlink()
            return
    unfinished.replace(target)


def _write_all(file: IO[bytes], content: bytes) -> None:
    """Also where the system takes a part at a time."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
    file.flush()


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except OSError:
        return None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:  # a file is there, which the system's own words don't tell
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error


def _missing_folders(path: Path) -> list[Path]:
    """The folders above a file that are not there yet, the innermost first."""
    return [folder for folder in path.parents if not os.path.lexists(folder)]


def _remove(unfinished: Path | None, folders: list[Path]) -> None:
    """Leave nothing behind."""
    with contextlib.suppress(OSError):
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        for folder in folders:
            folder.rmdir()
