"""What a refusal or a failure looks like: a page for people, `{code, message, request_id}` for programs.

A person's fault gets one sentence and a 4xx. Ours is logged with the request id and gets a 5xx without details.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app import api_errors
from app.database import is_full
from app.extensions import db
from app.inference.manifest import ModelUnusable
from app.intake import NotKept, StorageFull, StoreBusy
from app.observability import request_id
from app.storage import MissingPicture
from app.studies import UnknownStudy
from imaging.errors import RefusedUpload

log = logging.getLogger(__name__)

MISSING = "There is nothing at this address. It may have been deleted, or a letter of the address is missing."

# Status of an HTTP error: its code for programs, a title and a sentence for people.
_WORDS: dict[int, tuple[str, str, str]] = {
    400: ("bad_request", "This request can't be read", "The request could not be understood. Go back and try again."),
    401: ("login_required", "Please sign in", "This page is for staff. Sign in to see it."),
    403: ("forbidden", "This page is not for you", "Your account may not do this. Ask an admin of this server."),
    404: ("not_found", "There is nothing here", MISSING),
    405: ("method_not_allowed", "That can't be done here", "This address does not know that way of asking."),
    408: ("too_slow", "That took too long", "The upload took too long. Check your connection and try again."),
    413: ("too_large", "The file is too large", "The upload is larger than this server takes."),
    415: ("unsupported", "This can't be read", "The request has a form that this server does not read."),
    429: ("rate_limited", "Too many requests", "That were many requests in a short time. Wait a minute and try again."),
    503: ("unavailable", "Not available right now", "The server can't do this now. Please try again in a moment."),
}
_INTERNAL = (
    "internal_error", "Something went wrong on our side",
    "It is not your fault, and pictures that were received are kept. Try again in a few minutes.",
)  # fmt: skip
_EXPIRED = (
    "form_expired", "Reload and try again",
    "The form was open for too long, or it did not come from this site. Nothing was kept. Reload it and try again.",
)  # fmt: skip


@dataclass(frozen=True)
class ErrorPage:
    """What the error page may read. `again` is the address to try again, `request_id` the reference to quote."""

    status: int
    code: str
    title: str
    sentence: str
    request_id: str
    again: str


def bind(app: Flask) -> None:
    """Answer every refusal and failure that a door lets through."""
    expected: tuple[type[Exception], ...] = (
        HTTPException, UnknownStudy, MissingPicture, RefusedUpload, NotKept, ModelUnusable, OperationalError,
    )  # fmt: skip
    for kind in expected:
        app.register_error_handler(kind, answer)
    app.register_error_handler(Exception, _unexpected)


def answer(error: Exception) -> ResponseReturnValue:
    """A page or JSON, whichever the one who asks can read."""
    if api_errors.is_api():
        return api_errors.answer(error)
    if isinstance(error, HTTPException) and error.response is not None:
        return error.response  # a redirect or an answer that was made on purpose
    page = _page(error)
    if page.status >= 500:
        log.error("failed", extra={"code": page.code, "error": type(error).__name__})
    response = make_response(_body(page), page.status)
    for name, value in _headers(error).items():
        response.headers[name] = value
    return response


def wants_json() -> bool:
    """True when the one who asks named JSON and did not name HTML, as our upload script does."""
    accepted = request.accept_mimetypes
    return "application/json" in accepted.values() and "text/html" not in accepted.values()


def _unexpected(error: Exception) -> ResponseReturnValue:
    """The last resort: logged in full, told without details."""
    log.exception("unexpected", extra={"stage": request.endpoint or "unmatched"})
    db.session.rollback()
    return answer(error)


def _body(page: ErrorPage) -> str | dict[str, Any]:
    if wants_json():
        return {"code": page.code, "message": page.sentence, "request_id": page.request_id}
    return render_template("errors/error.html", page=page)


def _page(error: Exception) -> ErrorPage:
    status, (code, title, sentence) = _words(error)
    return ErrorPage(status, code, title, sentence, request_id(), _again())


def _again() -> str:
    """The address to try again: this one, or the page of ours that a form was sent from."""
    came_from = urlsplit(request.referrer or "")
    address = "/"
    if request.method in {"GET", "HEAD"}:
        address = request.full_path.rstrip("?")
    elif came_from.netloc == request.host:
        address = came_from.path
    return "/" + address.lstrip("/")  # two slashes would lead to another host


def _words(error: Exception) -> tuple[int, tuple[str, str, str]]:
    if isinstance(error, CSRFError):
        return 403, _EXPIRED
    if isinstance(error, RequestEntityTooLarge):
        return 413, _too_large()
    if isinstance(error, HTTPException) and error.code in _WORDS:
        return error.code, _WORDS[error.code]
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return error.code, _WORDS[400]
    if isinstance(error, UnknownStudy | MissingPicture):
        return 404, ("not_found", "There is nothing here", str(error) if isinstance(error, UnknownStudy) else MISSING)
    return _ours(error)


def _ours(error: Exception) -> tuple[int, tuple[str, str, str]]:
    if isinstance(error, OperationalError):
        error = StorageFull() if is_full(error) else StoreBusy()
    if isinstance(error, RefusedUpload | NotKept):
        return error.status, (error.code, "That did not work", error.sentence)
    if isinstance(error, ModelUnusable):
        return 503, (error.code, "Not available right now", "The networks of this server can't be used at the moment.")
    return 500, _INTERNAL


def _too_large() -> tuple[str, str, str]:
    """Werkzeug raises one error for a large body, many parts and long fields; the length tells them apart."""
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    if request.content_length is not None and request.content_length <= limit:
        return "too_many_parts", "The form is too large", "The form has too many parts or too long texts."
    megabytes = current_app.config["MAX_UPLOAD_MB"]
    return "too_large", "The file is too large", f"A picture may have at most {megabytes} MB. Export it smaller."


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, NotKept):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, OperationalError | ModelUnusable):
        return {"Retry-After": str(NotKept.retry_after_s)}
    if isinstance(error, HTTPException):
        return {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    return {}
