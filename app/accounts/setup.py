"""The first admin: a link that works once, while nobody can log in. There is no default password."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import click
from flask import current_app

from app import audit
from app.accounts import users
from app.accounts.errors import SetupOver
from app.store.database import writing
from app.tables.user import ADMIN

CODE_BYTES = 24


def setup_link() -> str:
    """Make a new setup code and return its path, `/setup/<code>`. Only the code's sha256 is kept; an older one is dead.

    Raises:
        SetupOver: a user exists.
    """
    if not users.is_nobody():
        raise SetupOver("A user exists already. Log in, or use `flask create-admin NAME`.")
    code = secrets.token_urlsafe(CODE_BYTES)
    _keep(_digest(code))
    return f"/setup/{code}"


def announce_setup() -> None:
    """Print the setup link when nobody can log in yet; called once at start."""
    if users.is_nobody():
        address = f"http://localhost:{current_app.config['PORT']}{setup_link()}"
        click.echo(f"\n  Nobody can log in yet. Make the first admin here, once:\n\n    {address}\n")


def is_setup_code(code: str) -> bool:
    """True for the present code while nobody exists."""
    try:
        kept = _path().read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return hmac.compare_digest(kept, _digest(code)) and users.is_nobody()


def complete_setup(code: str, name: str, password: str) -> int:
    """Make the first admin and return the id; the code is dead afterwards.

    Raises:
        SetupOver: the code is wrong or used.
        BadName, WeakPassword: the code stays valid.
    """
    if not is_setup_code(code):
        raise SetupOver
    name, password_hash = users.accepted(name, password)
    with writing():
        if not is_setup_code(code):
            raise SetupOver
        user = users.add(name, password_hash, ADMIN)
        audit.record(user.name, "user.create", name=user.name, role=ADMIN, by="setup link")
        user_id = user.id
    _path().unlink(missing_ok=True)
    return user_id


def _path() -> Path:
    folder: Path = current_app.config["DATA_DIR"]
    return folder / "setup_code"


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _keep(digest: str) -> None:
    descriptor = os.open(_path(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(digest)
