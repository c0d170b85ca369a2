"""What a refusal or a failure looks like: a page for people, `{code, message, request_id}` for programs.

A person's fault gets one sentence and a 4xx. Ours is logged with the request id and gets a 5xx without details.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from app.accounts import FirstPassword
from app.forms.place import BadPlace
from app.inference.manifest import ModelUnusable
from app.reading.images import UnknownImage
from app.reading.intake import NotKept
from app.reading.layers import DrawingBusy
from app.refusals.interface import ApiRefusal
from app.refusals.sentences import Refusal, refusal
from app.store.pictures import MissingPicture
from app.web.extensions import db
from app.web.observability import request_id
from imaging.errors import RefusedUpload

log = logging.getLogger(__name__)

API_PATH = "/api/"


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
        HTTPException, ApiRefusal, BadPlace, FirstPassword, UnknownImage, MissingPicture, RefusedUpload, NotKept,
        DrawingBusy, ModelUnusable, OperationalError,
    )  # fmt: skip
    for kind in expected:
        app.register_error_handler(kind, answer)
    app.register_error_handler(Exception, _unexpected)


def answer(error: Exception) -> ResponseReturnValue:
    """A page or JSON, whichever the one who asks can read."""
    if isinstance(error, HTTPException) and error.response is not None:
        return error.response  # a redirect or an answer that was made on purpose
    told = refusal(error)
    if told.status >= 500:
        log.error("failed", extra={"code": told.words.code, "error": type(error).__name__})
    response = make_response(_json(told) if is_api() or wants_json() else _page(told), told.status)
    response.headers.update(told.headers)
    return response


def is_api() -> bool:
    """True when the present request came through the JSON interface."""
    return request.path.startswith(API_PATH)


def wants_json() -> bool:
    """True when the one who asks named JSON and did not name HTML, as our upload script does."""
    accepted = request.accept_mimetypes
    return "application/json" in accepted.values() and "text/html" not in accepted.values()


def _unexpected(error: Exception) -> ResponseReturnValue:
    """The last resort: logged in full, told without details."""
    log.exception("unexpected", extra={"stage": request.endpoint or "unmatched"})
    db.session.rollback()
    return answer(error)


def _json(told: Refusal) -> Response:
    body = {"code": told.words.code, "message": told.words.sentence, "request_id": request_id()}
    return jsonify(body | dict(told.more))


def _page(told: Refusal) -> str:
    page = ErrorPage(told.status, told.words.code, told.words.title, told.words.sentence, request_id(), _again())
    return render_template("errors/error.html", page=page)


def _again() -> str:
    """The address to try again: this one, or the page of ours that a form was sent from."""
    came_from = urlsplit(request.referrer or "")
    address = "/"
    if request.method in {"GET", "HEAD"}:
        address = request.full_path.rstrip("?")
    elif came_from.netloc == request.host:
        address = came_from.path
    return "/" + address.lstrip("/")  # two slashes would lead to another host
