"""How every command ends when something outside ends it: one sentence, a status that a script can tell, no traceback.

Stopped                 130 after Ctrl-C, 143 after SIGTERM, 129 when the terminal is gone
BrokenPipeError         141: whoever read the output has closed it (`| head`)
CantWrite               4: the disk is full, the folder read-only
Refused                 2, as for any option that click itself refuses
OSError                 1: anything else that the system refuses
OperationalError        1: the database has no tables yet, is held by another, or lies on a disk that is read-only
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import IO, Any, NoReturn

import click
from sqlalchemy.exc import OperationalError

from app.commands.names import told

CANT_WRITE = 4  # 0 to 3 are taken: app/commands/analyse.py, click, wsgi.py
_BY_SIGNAL = 128  # what a shell adds to the number of a signal
_STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_CLOSED_PIPE = 13  # SIGPIPE, which Python turns into an error


class Stopped(KeyboardInterrupt):
    """A signal asked this command to stop."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Refused(click.ClickException):
    """What was asked for is not begun; the message says why."""

    exit_code = 2


class CantWrite(Exception):
    """What was to be written can't be, and the run is over. `sentence` is fit to be shown."""

    def __init__(self, name: str, error: OSError) -> None:
        self.sentence = f"{name} can't be written: {reason(error)}."
        super().__init__(self.sentence)


def reason(error: OSError) -> str:
    """What the system says of an error, as in "No space left on device"."""
    return error.strerror or type(error).__name__


def steady(command: click.Command) -> click.Command:
    """The same command; it and all below it end as this module says."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            steady(below)
    elif command.callback is not None:
        command.callback = _ending_well(command.callback)
    return command


def say(text: str) -> None:
    """A line on standard error, if it can be written."""
    errors = Aside()
    errors.write(f"{text}\n")
    errors.flush()


class Aside:
    """Standard error. Where that is full or closed, nobody can be told, and the work goes on all the same."""

    @property
    def encoding(self) -> str:
        return sys.stderr.encoding if sys.stderr is not None else "ascii"

    def write(self, text: str) -> int:
        if sys.stderr is not None:
            try:
                sys.stderr.write(text)
            except OSError:
                _let_go(sys.stderr)
        return len(text)

    def flush(self) -> None:
        if sys.stderr is not None:
            try:
                sys.stderr.flush()
            except OSError:
                _let_go(sys.stderr)

    def fileno(self) -> int:
        return sys.stderr.fileno()


def _ending_well(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def ending_well(*arguments: Any, **named: Any) -> Any:
        try:
            with _heard():
                answer = callback(*arguments, **named)
                if sys.stdout is not None:
                    sys.stdout.flush()
                return answer
        except KeyboardInterrupt as stop:
            _hear_no_more()
            _end(_BY_SIGNAL + getattr(stop, "number", signal.SIGINT), "Stopped before the end.", stop)
        except click.Abort as abort:  # also of who answers "no"
            if not isinstance(abort.__context__, KeyboardInterrupt):
                raise
            _end(_BY_SIGNAL + signal.SIGINT, "Stopped before the end.", abort)
        except BrokenPipeError as error:
            _end(_BY_SIGNAL + _CLOSED_PIPE, "Whoever read the output has closed it.", error)
        except CantWrite as error:
            _end(CANT_WRITE, f"Error: {error.sentence}", error)
        except OSError as error:
            name = f" ({told(error.filename)})" if error.filename else ""
            _end(1, f"Error: {reason(error)}{name}.", error)
        except OperationalError as error:
            _end(1, f"Error: {_of_database(error)}", error)

    return ending_well


def _of_database(error: OperationalError) -> str:
    if "no such table" in str(error.orig):
        return "The database is empty. Run `flask --app wsgi prepare` first."
    return f"The database can't be used now: {error.orig}."


def _end(status: int, sentence: str, error: BaseException) -> NoReturn:
    """Say the sentence, and what was noted of the error on its way."""
    say(" ".join((sentence, *getattr(error, "__notes__", ()))))
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _let_go(stream)
    raise SystemExit(status) from error


def _let_go(stream: IO[str]) -> None:
    """Let a stream that can't be written end nowhere, or Python would fail once more when it flushes it at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def _heard() -> Iterator[None]:
    """While the block runs, what asks it to stop is an exception, so that it leaves nothing half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What the one who started us wants ignored stays ignored: `nohup`, `&` in a script.
    before = {number: signal.getsignal(number) for number in _STOPS}
    heard = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for number in heard:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _hear_no_more() -> None:
    """Who presses Ctrl-C several times is heard once: the second would land in Python's own end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)
