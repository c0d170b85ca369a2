"""How hard a password is to guess, as zxcvbn estimates it (D. Wheeler, "zxcvbn: Low-Budget Password Strength
Estimation", USENIX Security 2016): words, names, dates, keyboard rows and known passwords in 30,000 entries count as
what they are, whatever digits stand in for their letters."""

from __future__ import annotations

import re
import threading
from typing import Any

from zxcvbn import zxcvbn

LEAST_SCORE = 4  # of 0..4: ten thousand million guesses. Three parts of any kind, as name, year and "!!", make a 3
JUDGED = 32  # characters. The work grows steeply with the length: 0.8 s at 32 in the worst case, 23 s at 200
# Tried first by whoever knows where he is; the library's own words are English.
_OURS = (
    "sonotriage", "ultrasound", "ultraschall", "breast", "mamma", "mammography", "radiology", "radiologie", "hospital",
    "hopital", "ospedale", "krankenhaus", "spital", "clinic", "clinique", "clinica", "klinik", "doctor", "praxis",
)  # fmt: skip
_SHORTEST_PART = 3  # of a name: a single letter would make every password that holds it look weak
_LEAST_REST = 6  # characters beside those words
_ADVICE = "Choose a password that is harder to guess, for instance four uncommon words"
_NAMED = "this one is mostly your name or a word that every clinic uses"
_COMMON = "this one is made of few and common parts"

_turn = threading.Lock()  # the library keeps the words of its present caller in one place for all threads


def weakness(password: str, name: str) -> str | None:
    """What is wrong with a password in one sentence fit to be shown; None when it is hard to guess.

    Only the first `JUDGED` characters are looked at: what follows can't make the password weaker.

    Args:
        name: the login name of who will use it; it and its parts count as words that are tried first.
    """
    known = [*_parts(name), *_OURS]
    if len(_without(password.lower(), known)) < _LEAST_REST:
        return f"{_ADVICE}: {_NAMED}."
    with _turn:
        judged = zxcvbn(password[:JUDGED], known)
    return None if judged["score"] >= LEAST_SCORE else f"{_ADVICE}: {_reason(judged)}."


def _parts(name: str) -> list[str]:
    parts = [part for part in re.split(r"[\W\d_]+", name.lower()) if len(part) >= _SHORTEST_PART]
    return [name.lower(), *parts]


def _without(text: str, words: list[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text


def _reason(judged: dict[str, Any]) -> str:
    if any(match.get("dictionary_name") == "user_inputs" for match in judged["sequence"]):
        return _NAMED
    warning = str(judged["feedback"]["warning"]).rstrip(".")
    return warning[:1].lower() + warning[1:] if warning else _COMMON
