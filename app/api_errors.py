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

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from app.clinics.place import Place, PlaceTooLong
from app.intake import NotKept
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
    413: ("too_large", "The upload is larger than this server takes, or has too many parts."),
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


def bind(app: Flask) -> None:
    """Answer the errors that only the JSON interface lets through; `answer` serves the others' handlers too."""
    app.register_error_handler(ApiRefusal, answer)


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
    if isinstance(error, (ApiRefusal, NotKept, RefusedUpload)):
        return error.status, error.code, error.sentence
    if isinstance(error, UnknownStudy):
        return 404, "unknown_study", str(error)
    if isinstance(error, PlaceTooLong):
        return 400, "place_too_long", str(error)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        code, sentence = STATUS_CODES.get(error.code, STATUS_CODES[400])
        return error.code, code, _field_message(error) or sentence
    if isinstance(error, HTTPException) and error.code == 503:
        return 503, *STATUS_CODES[503]
    return 500, *INTERNAL


def _field_message(error: HTTPException) -> str | None:
    """The first fault that the schemas found, as "latitude: Not a valid number."."""
    messages = getattr(error, "data", {}).get("messages", {})
    for faults in messages.values():
        for name, sentences in faults.items():
            return f"{name}: {sentences[0]}"
    return None


def _carry_headers(error: Exception, response: Response) -> None:
    if isinstance(error, NotKept):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name in {"Allow", "Retry-After"}:
                response.headers[name] = value
