"""The inside of a backup: a tar stream of plain files, a list of them, and a seal over that list.

Whatever comes out of a backup was put in by us, in this order and whole: each file is on the list with its size and
sha256, the list is sealed with a secret of the key file, and nothing else is taken. Links, folders, devices and names
that we do not write are refused, so that nothing is ever written outside the folder that it is unpacked into.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import re
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.store.database import DATABASE
from app.store.erasures import LIST as ERASED
from app.upkeep.backup_keys import BadBackup

PICTURES = "pictures"
FITTED = ("recalibrated", "postcodes")  # small folders of what was fitted or imported for this place
CONTENTS, SEAL = "contents.txt", "seal.txt"  # the last two
BLOCK = 1 << 20

_PICTURE = re.compile(rf"{PICTURES}/([0-9a-f]{{2}})/(\1[0-9a-f]{{62}})\.png")
_FITTED = re.compile(rf"(?:{'|'.join(FITTED)})/\w[\w.-]{{0,99}}")
_LARGEST_LIST = 1 << 30  # four million pictures


@dataclass(frozen=True)
class Packed:
    """What was put in or taken out: names in order, with size and sha256; and pictures that are not what they say."""

    lines: tuple[str, ...]
    damaged: int

    @property
    def names(self) -> frozenset[str]:
        """Names of the files, relative to the folder."""
        return frozenset(line.split(" ", 2)[2] for line in self.lines)


def is_ours(name: str) -> bool:
    """True for the names that a backup may hold."""
    return name in (DATABASE, ERASED) or bool(_PICTURE.fullmatch(name) or _FITTED.fullmatch(name))


def pack(stream: IO[bytes], files: Iterable[tuple[str, Path]], seal: bytes) -> Packed:
    """Write files, as (name, path), to a stream; one that is gone meanwhile, or is a link, is passed over.

    Args:
        seal: the secret of the seal; empty in a backup without a key.
    """
    lines, damaged = list[str](), 0
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for name, path in files:
            sha256, size = _put(tar, name, path)
            if sha256:
                lines.append(f"{sha256} {size} {name}")
                damaged += is_damaged(name, sha256)
        contents = "".join(f"{line}\n" for line in lines).encode()
        for name, content in ((CONTENTS, contents), (SEAL, _seal(seal, contents))):
            tar.addfile(_head(name, len(content)), io.BytesIO(content))
    return Packed(tuple(lines), damaged)


def unpack(stream: IO[bytes], folder: Path, seal: bytes) -> Packed:
    """Write the files of a stream below a new folder, for their owner alone.

    Raises:
        BadBackup: it holds what we don't write, or its seal is not ours.
        tarfile.TarError, OSError: the stream is damaged, or the disk is full.
    """
    lines, damaged = list[str](), 0
    last: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for head in tar:
            if head.name in (CONTENTS, SEAL) and head.isreg() and head.size <= _LARGEST_LIST:
                last[head.name] = _content(tar, head)
                continue
            if not (head.isreg() and not head.issparse() and is_ours(head.name)) or last:
                raise BadBackup("The backup holds something that no backup of ours holds.")
            sha256 = _take(tar, head, folder)
            lines.append(f"{sha256} {head.size} {head.name}")
            damaged += is_damaged(head.name, sha256)
    while stream.read(BLOCK):  # to the very end: only there is it known that nothing was cut off
        continue
    contents = "".join(f"{line}\n" for line in lines).encode()
    if last.get(CONTENTS) != contents:
        raise BadBackup("The backup does not hold the files that it lists.")
    if not hmac.compare_digest(last.get(SEAL, b""), _seal(seal, contents)):
        raise BadBackup("The seal of the backup is not the one of this key: somebody else made it.")
    return Packed(tuple(lines), damaged)


def is_damaged(name: str, sha256: str) -> bool:
    """True when a picture's content is not what its name says."""
    picture = _PICTURE.fullmatch(name)
    return picture is not None and picture[2] != sha256


def _seal(secret: bytes, contents: bytes) -> bytes:
    return hmac.new(secret, contents, hashlib.sha256).hexdigest().encode() if secret else b"none"


def _head(name: str, size: int) -> tarfile.TarInfo:
    head = tarfile.TarInfo(name)
    head.size, head.mode = size, 0o600
    return head


def _put(tar: tarfile.TarFile, name: str, path: Path) -> tuple[str, int]:
    """Sha256 and size of what was written; ("", 0) when there is no such plain file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return "", 0
    with os.fdopen(descriptor, "rb") as file:
        size, reader = os.fstat(descriptor).st_size, _Hashing(file)
        tar.addfile(_head(name, size), reader)
        return reader.sha256.hexdigest(), size


def _take(tar: tarfile.TarFile, head: tarfile.TarInfo, folder: Path) -> str:
    """Sha256 of what was written."""
    path = folder / head.name
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    sha256 = hashlib.sha256()
    with os.fdopen(descriptor, "wb") as file, _opened(tar, head) as content:
        while block := content.read(BLOCK):
            sha256.update(block)
            file.write(block)
    return sha256.hexdigest()


def _content(tar: tarfile.TarFile, head: tarfile.TarInfo) -> bytes:
    with _opened(tar, head) as content:
        return content.read()


def _opened(tar: tarfile.TarFile, head: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(head)
    assert content is not None  # a plain file
    return content


class _Hashing(io.RawIOBase):
    """A file that computes the sha256 of what is read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.sha256.update(block)
        return block
