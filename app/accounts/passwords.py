"""Passwords: which are strong enough, how they are kept, how they are compared."""

from __future__ import annotations

import unicodedata

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts import strength
from app.accounts.errors import WeakPassword

SHORTEST, LONGEST = 12, 256


def check(password: str, name: str) -> None:
    """Refuse a password that is easy to guess. No kinds of characters are asked for (NIST SP 800-63B, 3.1.1.2).

    Args:
        name: the login name of who will use it.

    Raises:
        WeakPassword: too short, too long, or guessed early; see `strength`.
    """
    if len(password) < SHORTEST:
        raise WeakPassword(f"Use a password of at least {SHORTEST} characters. Several words make a good one.")
    if len(password) > LONGEST:
        raise WeakPassword(f"Use a password of at most {LONGEST} characters.")
    found = strength.weakness(_normal(password), name)
    if found is not None:
        raise WeakPassword(found)


def hashed(password: str) -> str:
    """What is kept of a password: scrypt with its salt; tests set a cheap method by PASSWORD_METHOD."""
    return generate_password_hash(_normal(password), method=_method())


def matches(password_hash: str | None, password: str) -> bool:
    """Compare a password with a kept one. An unknown user costs as much time as a known one."""
    known = password_hash if password_hash is not None else _nobody()
    is_right = check_password_hash(known, _normal(password))
    return is_right and password_hash is not None


def _method() -> str:
    return str(current_app.config.get("PASSWORD_METHOD", "scrypt"))


def _nobody() -> str:
    """The hash that an unknown user's password is compared with; made once per application."""
    kept = current_app.extensions.get("nobody_password")
    if kept is None:
        kept = current_app.extensions["nobody_password"] = generate_password_hash("nobody", method=_method())
    return str(kept)


def _normal(password: str) -> str:
    """One form for letters that keyboards compose in different ways."""
    return unicodedata.normalize("NFKC", password[: LONGEST + 1])
