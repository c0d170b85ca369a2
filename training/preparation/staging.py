"""Files that replace those of a folder together, once all of them are right."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`; its files move there when the block ends, and none when it fails.

    The manifest moves last: what stops in between leaves one whose hashes don't fit, which serving refuses.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        temporary = Path(name)
        yield temporary
        folder.mkdir(exist_ok=True)
        for path in sorted(temporary.iterdir(), key=lambda one: one.name == "manifest.json"):
            path.replace(folder / path.name)
