"""One spelling for names that people write differently: without case, accents and punctuation."""

from __future__ import annotations

import re
import unicodedata

_LATIN_ACCENTS = re.compile("[\u0300-\u036f]")  # marks of other scripts carry meaning and stay
_SEPARATORS = re.compile(r"[\W_]+")
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"}
)


def fold(text: str) -> str:
    """Fold a name: "Saint-Étienne " and "saint etienne" become the same; "" when nothing is left."""
    text = text.casefold()
    if not text.isascii():
        text = _LATIN_ACCENTS.sub("", unicodedata.normalize("NFKD", text))
        text = text.translate(_LETTERS_WITHOUT_DECOMPOSITION)
    return _SEPARATORS.sub(" ", text).strip()
