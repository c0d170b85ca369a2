"""Logins, kept on the server: the browser holds a random token, a row says whether it still counts.

Flask-Login carries the token in the signed session cookie. A new token is made at every login, and none of it survives
logging out, disabling the user, a new password, SESSION_HOURS, or IDLE_MINUTES without a request.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, session
from flask_login import UserMixin, current_user, login_user, logout_user
from sqlalchemy import Row, delete, select, update
from sqlalchemy.exc import OperationalError

from app import audit
from app.accounts import passwords
from app.accounts.errors import WrongLogin
from app.accounts.names import folded_name
from app.accounts.slowdown import slowdown
from app.store.database import writing
from app.tables import LoginSession, User
from app.tables.moment import now
from app.tables.user import ADMIN
from app.web.extensions import db, login

log = logging.getLogger(__name__)

TOKEN_BYTES = 32
KEPT_AFTER_END = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=1)  # how often a sign of life is written; a login lasts that much longer than it says


@dataclass(frozen=True)
class Identity(UserMixin):  # type: ignore[misc]
    """Who is logged in, as Flask-Login knows it. Plain values, so that it outlives every transaction."""

    id: str  # the token; Flask-Login keeps it in the session
    user_id: int
    name: str
    role: str
    must_change_password: bool
    last_seen_at: datetime

    def may(self, role: str) -> bool:
        """True for one's own role; an admin may all that a reviewer may."""
        return self.role in (role, ADMIN)


@login.user_loader  # type: ignore[untyped-decorator]
def _identity(token: str) -> Identity | None:
    """The login behind a token; None when it ended, expired or never was, or its user is disabled.

    Also None while the database can't be read: the page that says so shows who is logged in, and must not fail too.
    """
    try:
        row = _login_of(token)
    except OperationalError:
        log.error("logins can't be read")
        db.session.rollback()
        return None
    if row is None:
        return None
    return Identity(token, row.id, row.name, row.role, row.must_change_password, row.last_seen_at)


def _login_of(token: str) -> Row[int, str, str, bool, datetime] | None:
    idle = timedelta(minutes=current_app.config["IDLE_MINUTES"])
    return db.session.execute(
        select(User.id, User.name, User.role, User.must_change_password, LoginSession.last_seen_at)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(
            LoginSession.token_sha256 == _digest(token),
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > now(),
            LoginSession.last_seen_at > now() - idle - SEEN_EVERY,
            User.is_enabled,
        )
    ).one_or_none()


def see(identity: Identity) -> None:
    """Remember that somebody is there, written once a minute at most; where that fails, the page is shown anyway."""
    moment = now()
    if moment - identity.last_seen_at < SEEN_EVERY:
        return
    try:
        with writing():
            db.session.execute(
                update(LoginSession)
                .where(LoginSession.token_sha256 == _digest(identity.id), LoginSession.ended_at.is_(None))
                .values(last_seen_at=moment)
            )
    except OperationalError:
        log.warning("a sign of life was not written")


def log_in(name: str, password: str, lane: str) -> None:
    """Log this browser in.

    Args:
        lane: whose tries count together, see `slowdown`.

    Raises:
        WrongLogin: the same words for an unknown name, a wrong password and a disabled user.
        TooSoon: too many wrong passwords.
    """
    slowdown().admit(lane)
    user = db.session.execute(select(User).where(User.name == folded_name(name))).scalar_one_or_none()
    is_right = passwords.matches(user.password_hash if user is not None else None, password)
    if user is None or not is_right or not user.is_enabled:
        _record_failure(user)
        raise WrongLogin
    slowdown().succeeded(lane)
    welcome(user.id)


def welcome(user_id: int) -> None:
    """Start a login for a user who has proved who they are; whatever this browser's session held before is dropped."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with writing():
        user = db.session.get_one(User, user_id)
        _end(_present_token())
        _drop_long_ended()
        expires_at = now() + timedelta(hours=current_app.config["SESSION_HOURS"])
        db.session.add(LoginSession(token_sha256=_digest(token), user_id=user_id, expires_at=expires_at))
        user.last_login_at = now()
        audit.record(user.name, "login.succeed")
        identity = Identity(token, user.id, user.name, user.role, user.must_change_password, user.last_login_at)
    session.clear()
    login_user(identity)


def log_out() -> None:
    """End this browser's login, here and on the server."""
    token = _present_token()
    with writing():
        _end(token)
        audit.record(actor_name(), "login.end")
    logout_user()
    session.clear()


def end_all(user_id: int) -> None:
    """End every login of a user; the caller commits."""
    db.session.execute(
        update(LoginSession)
        .where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None))
        .values(ended_at=now())
    )


def has_ended() -> bool:
    """True when this browser brings a login that counts no more."""
    return not current_user.is_authenticated and _present_token() is not None


def is_staff() -> bool:
    """True when somebody is logged in."""
    return bool(current_user.is_authenticated)


def actor_name() -> str:
    """Who acts, for the audit trail: the login name, or "visitor"."""
    return str(current_user.name) if current_user.is_authenticated else "visitor"


def user_id() -> int:
    """The logged-in user's id; only behind `requires`."""
    return int(current_user.user_id)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _present_token() -> str | None:
    token: Any = session.get("_user_id")
    return str(token) if token is not None else None


def _end(token: str | None) -> None:
    if token is not None:
        db.session.execute(
            update(LoginSession)
            .where(LoginSession.token_sha256 == _digest(token), LoginSession.ended_at.is_(None))
            .values(ended_at=now())
        )


def _drop_long_ended() -> None:
    db.session.execute(delete(LoginSession).where(LoginSession.expires_at < now() - KEPT_AFTER_END))


def _record_failure(user: User | None) -> None:
    """Audit a refused login. An unknown name is not kept: it may be a password typed into the wrong field."""
    actor = user.name if user is not None else "visitor"
    with writing():
        audit.record(actor, "login.refuse")
