"""How the name of a file is written where only text may stand: most names are text, all of them are bytes."""

from __future__ import annotations

import os
from pathlib import Path


def shown(path: Path | str) -> str:
    r"""A name as text. Bytes that are not UTF-8 are written `\xfc`, as shells and Python do."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def told(path: Path | str) -> str:
    """The same within a sentence: what a terminal would obey or hide is written as an escape, too."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown(path))
