"""How the JSON interface refuses: always `{code, message, request_id}`, whatever went wrong.

ApiRefusal                  a refusal of the interface itself
├── NoFile                  400 no_file
├── OneFileOnly             400 one_file_only
├── IdempotencyMismatch     422 idempotency_mismatch
├── NotOwner                403 not_owner
├── NoPicture               404 no_picture
├── NoPlace                 400 no_place
├── UnknownPlace            422 unknown_place
└── AmbiguousPlace          422 ambiguous_place, with the places to choose from
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, current_app, jsonify, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.clinics.place import Place
from app.database import is_full
from app.forms.place import BadPlace
from app.intake import NotKept, StorageFull, StoreBusy
from app.observability import request_id
from app.reports.clinics_json import place_json
from app.studies import UnknownStudy
from imaging.errors import RefusedUpload

API_PATH = "/api/"

# Codes of refusals that Flask and its extensions raise; the sentences are ours.
STATUS_CODES: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request could not be understood."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not know that method."),
    408: ("too_slow", "The upload took too long."),
    415: ("unsupported", "The request has a form that this server does not read."),
    422: ("bad_field", "A field holds something that it can't."),
    429: ("rate_limited", "Too many requests. Please wait a moment."),
    503: ("unavailable", "The server can't do this now. Please try again in a moment."),
}
INTERNAL = ("internal_error", "Something went wrong on our side. The request id helps to find out what.")


class ApiRefusal(Exception):
    """A refusal with its code, sentence and HTTP status."""

    code, status, sentence = "bad_request", 400, "The request could not be understood."


class NoFile(ApiRefusal):
    code, sentence = "no_file", "Send the picture in the multipart field 'file'."


class OneFileOnly(ApiRefusal):
    code, sentence = "one_file_only", "Send one picture per request."


class IdempotencyMismatch(ApiRefusal):
    code, status = "idempotency_mismatch", 422
    sentence = "This Idempotency-Key was used for another file. Make a new key for each picture."


class NotOwner(ApiRefusal):
    code, status, sentence = "not_owner", 403, "Only whoever sent the picture may delete it; send its Idempotency-Key."


class NoPicture(ApiRefusal):
    code, status, sentence = "no_picture", 404, "This study has no such picture."


class NoPlace(ApiRefusal):
    code, sentence = "no_place", "Give latitude and longitude, or a place."


class UnknownPlace(ApiRefusal):
    code, status, sentence = "unknown_place", 422, "No place of that name is known here. Try the nearest larger town."


class AmbiguousPlace(ApiRefusal):
    """Several places have this name."""

    code, status, sentence = "ambiguous_place", 422, "Several places have this name. Send the coordinates of one."

    def __init__(self, matches: Sequence[Place]) -> None:
        super().__init__(self.sentence)
        self.matches = matches


def is_api() -> bool:
    """True when the present request came through the JSON interface."""
    return request.path.startswith(API_PATH)


def answer(error: Exception) -> Response:
    """The refusal of any error, as JSON."""
    status, code, message = _words(error)
    body: dict[str, Any] = {"code": code, "message": message, "request_id": request_id()}
    if isinstance(error, AmbiguousPlace):
        body["matches"] = [place_json(place) for place in error.matches]
    response = jsonify(body)
    response.status_code = status
    _carry_headers(error, response)
    return response


def _words(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, OperationalError):
        error = StorageFull() if is_full(error) else StoreBusy()
    if isinstance(error, (ApiRefusal, BadPlace, NotKept, RefusedUpload)):
        return error.status, error.code, error.sentence
    if isinstance(error, UnknownStudy):
        return 404, "unknown_study", str(error)
    if isinstance(error, RequestEntityTooLarge):
        return 413, *_too_large()
    if isinstance(error, HTTPException) and error.code in STATUS_CODES:
        code, sentence = STATUS_CODES[error.code]
        return error.code, code, _field_message(error) or sentence
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return error.code, *STATUS_CODES[400]
    return 500, *INTERNAL


def _too_large() -> tuple[str, str]:
    """Werkzeug raises one error for a large body, many parts and long fields; the length tells them apart."""
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    if request.content_length is not None and request.content_length <= limit:
        return "too_many_parts", "The form has too many parts or too long texts."
    return "too_large", f"A picture may have at most {current_app.config['MAX_UPLOAD_MB']} MB."


def _field_message(error: HTTPException) -> str | None:
    """The first fault that the schemas found, as "latitude: Not a valid number."."""
    messages = getattr(error, "data", {}).get("messages", {})
    for faults in messages.values():
        for name, sentences in faults.items():
            return f"{name}: {sentences[0]}"
    return None


def _carry_headers(error: Exception, response: Response) -> None:
    if isinstance(error, (NotKept, OperationalError)):
        response.headers["Retry-After"] = str(getattr(error, "retry_after_s", NotKept.retry_after_s))
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name in {"Allow", "Retry-After"}:
                response.headers[name] = value
