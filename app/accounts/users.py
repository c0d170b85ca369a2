"""Makes and changes users. Each act is audited in its own transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import func, select

from app import audit
from app.accounts import logins, passwords, proof
from app.accounts.errors import BadName, LastAdmin, NameTaken, SamePassword, UnknownUser
from app.accounts.names import folded_name
from app.store.database import writing
from app.tables import User
from app.tables.user import ADMIN, REVIEWER
from app.web.extensions import db

ROLES = (REVIEWER, ADMIN)
_NAME = re.compile(r"^[^\W\d_][\w.@-]{1,79}$")
# The audit trail calls those by these words who have no login.
_NOT_A_LOGIN = {"visitor", "api", "system"}


def create(name: str, password: str, role: str, actor: str) -> int:
    """Make a user, who has to choose another password at the first login, and return the id.

    Raises:
        BadName, NameTaken, WeakPassword
    """
    name, password_hash = accepted(name, password)
    with writing():
        user = add(name, password_hash, role)
        user.must_change_password = True
        audit.record(actor, "user.create", name=user.name, role=role)
        return user.id


def accepted(name: str, password: str) -> tuple[str, str]:
    """The name as it is kept and the password's hash. Takes its time, so it comes before the write lock.

    Raises:
        BadName, WeakPassword
    """
    name = folded_name(name)
    if not _NAME.match(name) or name in _NOT_A_LOGIN:
        raise BadName
    passwords.check(password, name)
    return name, passwords.hashed(password)


def add(name: str, password_hash: str, role: str) -> User:
    """Add a user to the session without committing, for callers that have more to do in the same transaction.

    Raises:
        NameTaken
    """
    if by_name(name) is not None:
        raise NameTaken
    user = User(name=name, password_hash=password_hash, role=role)
    db.session.add(user)
    db.session.flush()
    return user


def by_name(name: str) -> User | None:
    return db.session.execute(select(User).where(User.name == folded_name(name))).scalar_one_or_none()


def everyone() -> Sequence[User]:
    """All users by name."""
    return db.session.scalars(select(User).order_by(User.name)).all()


def is_nobody() -> bool:
    """True while no user exists at all."""
    return db.session.scalar(select(User.id).limit(1)) is None


def set_password(user_id: int, password: str, actor: str) -> None:
    """Give a user a new password, which they have to change at the next login; all their logins end.

    Raises:
        UnknownUser, WeakPassword
    """
    _keep_password(user_id, password, actor, is_own=False)


def change_own_password(user_id: int, present: str, password: str) -> None:
    """Change one's own password, knowing the present one; all logins end, the one that asks too.

    Raises:
        UnknownUser
        WrongPassword, TooSoon: the present password is wrong.
        SamePassword, WeakPassword
    """
    proof.prove(user_id, present)
    user = _get(user_id)
    if passwords.matches(user.password_hash, password):
        raise SamePassword
    _keep_password(user_id, password, user.name, is_own=True)


def _keep_password(user_id: int, password: str, actor: str, *, is_own: bool) -> None:
    passwords.check(password, _get(user_id).name)
    password_hash = passwords.hashed(password)
    with writing():
        user = _get(user_id)
        user.password_hash, user.must_change_password = password_hash, not is_own
        logins.end_all(user.id)
        audit.record(actor, "user.password", name=user.name)


def set_role(user_id: int, role: str, actor: str) -> None:
    """Make a user a reviewer or an admin.

    Raises:
        UnknownUser, LastAdmin
    """
    with writing():
        user = _get(user_id)
        if role != ADMIN:
            _check_not_last_admin(user)
        user.role = role
        audit.record(actor, "user.role", name=user.name, role=role)


def disable(user_id: int, actor: str) -> None:
    """Keep a user from logging in and end their logins. The row stays: reviews and the audit trail name it.

    Raises:
        UnknownUser, LastAdmin
    """
    with writing():
        user = _get(user_id)
        _check_not_last_admin(user)
        user.is_enabled = False
        logins.end_all(user.id)
        audit.record(actor, "user.disable", name=user.name)


def enable(user_id: int, actor: str) -> None:
    """Let a disabled user log in again.

    Raises:
        UnknownUser
    """
    with writing():
        user = _get(user_id)
        user.is_enabled = True
        audit.record(actor, "user.enable", name=user.name)


def _get(user_id: int) -> User:
    user = db.session.get(User, user_id)
    if user is None:
        raise UnknownUser
    return user


def _check_not_last_admin(user: User) -> None:
    others = select(func.count()).select_from(User).where(User.role == ADMIN, User.is_enabled, User.id != user.id)
    if user.role == ADMIN and user.is_enabled and not db.session.scalar(others):
        raise LastAdmin
