"""Encrypts and decrypts a stream on its way to or from a file (age's format, by pyrage).

Age authenticates every piece, its place and the end, so nothing is changed, moved or cut off unnoticed. Its functions
read and write files by themselves; a pipe and a thread make streams of them, so that no unencrypted copy is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import IO

import pyrage

from app.upkeep.backup_keys import BadBackup

HEADER = b"age-encryption.org/v1\n"
PIECE = 1 << 20


@contextmanager
def encrypted(target: IO[bytes], recipients: Sequence[pyrage.x25519.Recipient]) -> Iterator[IO[bytes]]:
    """A stream to write to; what is written arrives in `target` encrypted.

    Raises:
        OSError: `target` can't be written.
    """
    inner, outer = _pipe()
    with ThreadPoolExecutor(1, "encryption") as threads:
        done = threads.submit(_then_close, inner, lambda: pyrage.encrypt_io(inner, target, recipients))
        try:
            with _whose_fault(done), outer:
                yield outer
        except pyrage.EncryptError as error:
            raise OSError(f"The backup could not be encrypted ({error}).") from error


@contextmanager
def decrypted(source: IO[bytes], identities: Sequence[pyrage.x25519.Identity]) -> Iterator[IO[bytes]]:
    """A stream to read the decrypted content of `source` from; it has to be read to its end.

    Raises:
        BadBackup: the key is another, or the content was changed or cut off. Only the end of the block tells: nothing
            that was read inside it may be used before.
    """
    outer, inner = _pipe()
    with ThreadPoolExecutor(1, "decryption") as threads:
        done = threads.submit(_then_close, inner, lambda: pyrage.decrypt_io(source, inner, identities))
        try:
            with _whose_fault(done), outer:
                yield outer
        except pyrage.DecryptError as error:
            raise BadBackup("The backup was made for another key, or its head is damaged.") from error
        except OSError as error:
            raise BadBackup("The backup is damaged, cut off, or was changed.") from error


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb", PIECE), os.fdopen(writing, "wb", PIECE)


def _then_close(end: IO[bytes], work: Callable[[], None]) -> None:
    """Work, then close this end of the pipe, so that the other end does not wait for ever."""
    try:
        work()
        end.flush()
    finally:
        with suppress(OSError):
            end.close()


@contextmanager
def _whose_fault(done: Future[None]) -> Iterator[None]:
    """What went wrong in the thread is the cause of what goes wrong here, so it comes first; a refusal is our own."""
    try:
        yield
    except BadBackup:
        done.exception()  # waits for the thread
        raise
    except BaseException:
        done.result()
        raise
    done.result()
