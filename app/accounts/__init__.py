"""Who may log in, and who has: users, passwords, logins on the server side, the first admin."""

from app.accounts.errors import (
    AccountError,
    BadName,
    FirstPassword,
    LastAdmin,
    NameTaken,
    SamePassword,
    SetupOver,
    TooSoon,
    UnknownUser,
    WeakPassword,
    WrongLogin,
    WrongPassword,
)
from app.accounts.guard import requires
from app.accounts.logins import actor_name, end_all, has_ended, is_staff, log_in, log_out, user_id, welcome
from app.accounts.proof import prove
from app.accounts.setup import announce_setup, complete_setup, is_setup_code, setup_link
from app.accounts.users import (
    by_name,
    change_own_password,
    create,
    disable,
    enable,
    everyone,
    is_nobody,
    set_password,
    set_role,
)

__all__ = [
    "AccountError",
    "BadName",
    "FirstPassword",
    "LastAdmin",
    "NameTaken",
    "SamePassword",
    "SetupOver",
    "TooSoon",
    "UnknownUser",
    "WeakPassword",
    "WrongLogin",
    "WrongPassword",
    "actor_name",
    "announce_setup",
    "by_name",
    "change_own_password",
    "complete_setup",
    "create",
    "disable",
    "enable",
    "end_all",
    "everyone",
    "has_ended",
    "is_nobody",
    "is_setup_code",
    "is_staff",
    "log_in",
    "log_out",
    "prove",
    "requires",
    "set_password",
    "set_role",
    "setup_link",
    "user_id",
    "welcome",
]
