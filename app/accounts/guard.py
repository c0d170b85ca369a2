"""Who may enter by a door."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")


def requires(
    role: str,
) -> Callable[[Callable[Arguments, ResponseReturnValue]], Callable[Arguments, ResponseReturnValue]]:
    """A view's guard: without a login to the login page (401 for anything but reading), without the role 403."""

    def guard(view: Callable[Arguments, ResponseReturnValue]) -> Callable[Arguments, ResponseReturnValue]:
        @wraps(view)
        def guarded(*arguments: Arguments.args, **named: Arguments.kwargs) -> ResponseReturnValue:
            if not current_user.is_authenticated:
                return _ask_for_login()
            if not current_user.may(role):
                log.warning("access refused", extra={"endpoint": request.endpoint})
                abort(403)
            return view(*arguments, **named)

        setattr(guarded, "required_role", role)  # noqa: B010, read by the test that walks all routes
        return guarded

    return guard


def _ask_for_login() -> ResponseReturnValue:
    if request.method not in ("GET", "HEAD"):
        abort(401)
    asked_for = request.full_path.rstrip("?") if request.query_string else request.path
    return redirect(url_for("accounts.login", next=asked_for))
