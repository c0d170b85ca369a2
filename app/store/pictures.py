"""Pictures by the sha256 of what they show. Written atomically; nothing is read or written outside the root."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.store import failpoints
from app.store.durable import sync

_PNG = [
    cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB,
]  # fmt: skip
KEY = re.compile(r"^[0-9a-f]{64}\Z")
WRITERS = 4  # two results of two layers at once


class MissingPicture(LookupError):
    """No picture is kept under this key."""


@dataclass(frozen=True)
class Encoded:
    """A picture as the bytes of a PNG file, and their sha256."""

    content: bytes
    key: str


def encode(pixels: NDArray[np.uint8]) -> Encoded:
    """Pixels, uint8 `H x W` or `H x W x 3` (red green blue), as PNG.

    Each pixel less its left neighbour: rows of ultrasound change faster than columns. The file is a fiftieth larger
    than at the usual effort, and takes an eighth of the time.
    """
    ordered = pixels if pixels.ndim == 2 else pixels[:, :, ::-1]
    done, buffer = cv2.imencode(".png", ordered, _PNG)
    if not done:
        raise ValueError("These pixels can't be written as PNG.")
    content = buffer.tobytes()
    return Encoded(content, hashlib.sha256(content).hexdigest())


class PictureStore:
    """A folder of lossless PNG files, each named by the sha256 of its bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._writers = ThreadPoolExecutor(WRITERS, "store")  # its threads start with the first pictures

    def put(self, pixels: NDArray[np.uint8]) -> str:
        """Keep uint8 `H x W` or `H x W x 3` pixels and return their key; on return they survive a power loss."""
        return self.write(encode(pixels))

    def put_all(self, several: Sequence[NDArray[np.uint8]]) -> list[Encoded]:
        """Keep several pictures side by side: a core takes each, and the disk takes their syncs together."""
        done = [self._writers.submit(self._put, pixels) for pixels in several]
        wait(done)  # before the first error is raised: nothing is written after this returns
        return [one.result() for one in done]

    def _put(self, pixels: NDArray[np.uint8]) -> Encoded:
        encoded = encode(pixels)
        self.write(encoded)
        return encoded

    def write(self, encoded: Encoded) -> str:
        """Keep an encoded picture unless it is there, and return its key; on return it survives a power loss."""
        path = self.path(encoded.key)
        if not path.exists():
            _write_durably(path, encoded.content)
        return encoded.key

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
        if not KEY.match(key):
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
    sync(path.parent)
    if is_new_folder:
        sync(path.parent.parent)
