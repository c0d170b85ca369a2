"""Who may send pictures: everyone, or with UPLOADS_NEED_LOGIN those who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app
from flask_login import current_user

from app.refusals.interface import UploadsNeedLogin

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def must_log_in() -> bool:
    """True when the present browser has to sign in before it may send a picture."""
    return bool(current_app.config["UPLOADS_NEED_LOGIN"]) and not current_user.is_authenticated


def invited(door: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """A door's guard for people: who may not send is refused before the picture is read."""
    return _guarded(door, must_log_in)


def programs_invited(door: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """The same for programs: no cookie gives rights in the JSON interface, so with the setting it takes no picture."""
    return _guarded(door, lambda: bool(current_app.config["UPLOADS_NEED_LOGIN"]))


def _guarded(door: Callable[Arguments, Answer], is_refused: Callable[[], bool]) -> Callable[Arguments, Answer]:
    @wraps(door)
    def guarded(*arguments: Arguments.args, **named: Arguments.kwargs) -> Answer:
        if is_refused():
            raise UploadsNeedLogin
        return door(*arguments, **named)

    return guarded
