"""How a login name is kept and compared."""

from __future__ import annotations

import unicodedata


def folded_name(text: str) -> str:
    """A login name as it is kept: without spaces around it, in lower case."""
    return unicodedata.normalize("NFKC", text).strip().lower()
