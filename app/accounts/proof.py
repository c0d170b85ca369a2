"""Asks somebody who is logged in for the password again: what a borrowed screen or a stolen cookie can't answer."""

from __future__ import annotations

from app import audit
from app.accounts import passwords
from app.accounts.errors import UnknownUser, WrongPassword
from app.accounts.slowdown import slowdown
from app.store.database import writing
from app.tables import User
from app.web.extensions import db


def prove(user_id: int, password: str) -> None:
    """Let on who knows this user's password.

    Wrong ones are slowed like those at the login, but in a lane of their own: nobody is kept from logging in by them.

    Raises:
        UnknownUser
        WrongPassword
        TooSoon: too many wrong passwords.
    """
    user = db.session.get(User, user_id)
    if user is None:
        raise UnknownUser
    name, lane = user.name, f"{user.name} again"  # no login name holds a space
    slowdown().admit(lane)
    if not passwords.matches(user.password_hash, password):
        with writing():
            audit.record(name, "password.refuse")
        raise WrongPassword
    slowdown().succeeded(lane)
