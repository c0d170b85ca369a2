"""Bodies of requests that are refused before anybody read them: taken from the front door to their end, and dropped.

nginx holds such a body whole and is still handing it on when the refusal comes. gunicorn takes 64 KiB of what is left
and closes; what it did not take turns the close into a reset, with which a Unix socket loses the answer, and nginx
would tell the sender that the server is not there (RFC 9112, 9.6).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

_PIECE_BYTES = 1 << 16


def bind(app: Flask) -> None:
    """Take bodies to their end where the front door stands before the app; alone, a slow sender would hold a thread."""
    if app.config["SOCKET"]:
        app.wsgi_app = _Taken(app.wsgi_app)  # type: ignore[method-assign]


class _Taken:
    """The application, with nothing left of the body when its answer begins."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body: Any = environ["wsgi.input"]  # kept here: the application may put another reader into its place
        ends_itself = environ.get("wsgi.input_terminated", False)  # else a read beyond the end would wait for ever
        answer = self._application(environ, start_response)
        while ends_itself and body.read(_PIECE_BYTES):
            pass
        return answer
