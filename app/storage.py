"""Pictures by the sha256 of what they show. Written atomically; nothing is read or written outside the root."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app import failpoints

_KEY = re.compile(r"^[0-9a-f]{64}\Z")


class MissingPicture(LookupError):
    """No picture is kept under this key."""


class PictureStore:
    """A folder of lossless PNG files, each named by the sha256 of its bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, pixels: NDArray[np.uint8]) -> str:
        """Keep uint8 `H x W` or `H x W x 3` pixels and return their key; on return they survive a power loss."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG", compress_level=1)
        content = buffer.getvalue()
        key = hashlib.sha256(content).hexdigest()
        path = self.path(key)
        if not path.exists():
            _write_durably(path, content)
        return key

    def get(self, key: str) -> NDArray[np.uint8]:
        """The pixels kept under a key.

        Raises:
            MissingPicture: the key is unknown, or its file is gone or no longer matches it.
        """
        content = self.content(key)
        if hashlib.sha256(content).hexdigest() != key:
            raise MissingPicture(f"The picture {key[:8]} is damaged.")
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            return np.asarray(image, dtype=np.uint8)

    def content(self, key: str) -> bytes:
        """The PNG bytes kept under a key.

        Raises:
            MissingPicture: as for `get`, but the bytes are not checked.
        """
        try:
            return self.path(key).read_bytes()
        except FileNotFoundError as error:
            raise MissingPicture(f"The picture {key[:8]} is missing.") from error

    def remove(self, key: str) -> None:
        """Forget a picture; unknown keys are fine."""
        self.path(key).unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """Where a key's file lies, two levels deep so that no folder grows large.

        Raises:
            MissingPicture: the text is not a key; nothing outside the root can be named.
        """
        if not _KEY.match(key):
            raise MissingPicture("Not a picture key.")
        return self.root / key[:2] / f"{key}.png"


def _write_durably(path: Path, content: bytes) -> None:
    """Write beside, fsync, rename, fsync the folders: a reader sees the whole file or none."""
    is_new_folder = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        failpoints.reached(failpoints.PICTURE_RENAMED)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    if is_new_folder:
        _sync_folder(path.parent.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
