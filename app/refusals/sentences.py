"""How every refusal and failure is called: one code and one sentence, for pages and for programs alike."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, request
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.accounts import FirstPassword
from app.forms.place import BadPlace
from app.inference.manifest import ModelUnusable
from app.reading.images import UnknownImage
from app.reading.intake import NotKept, not_kept
from app.reading.layers import DrawingBusy
from app.refusals.interface import AmbiguousPlace, ApiRefusal
from app.reports.clinics_json import place_json
from app.store.pictures import MissingPicture
from app.web.extensions import limiter
from imaging.errors import RefusedUpload
from server.words import BY_STATUS, INTERNAL, NOTHING, Wording, too_large


@dataclass(frozen=True)
class Refusal:
    """What to answer: status, words, headers, and what only programs get (`more`)."""

    status: int
    words: Wording
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


UNKNOWN = "That did not work"
EXPIRED = Wording(
    "form_expired", "Reload and try again",
    "The form was open for too long, or it did not come from this site. Nothing was kept. Reload it and try again.",
)  # fmt: skip
NETWORKS = "The networks of this server can't be used at the moment."


def refusal(error: Exception) -> Refusal:
    """What to answer to an error that a door let through."""
    if isinstance(error, OperationalError | OSError):
        error = not_kept(error)
        if type(error) is NotKept:  # its words are of an upload; intake raises it for one, and this may be anything
            return Refusal(503, BY_STATUS[503], _later(error))
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, ApiRefusal | BadPlace | NotKept | DrawingBusy | RefusedUpload):
        words = Wording(error.code, UNKNOWN, error.sentence)
        headers = _later(error) if isinstance(error, NotKept | DrawingBusy) else {}
        return Refusal(error.status, words, headers, _more(error))
    if isinstance(error, FirstPassword):
        return Refusal(error.status, Wording(error.code, "Choose a password of your own", error.sentence))
    if isinstance(error, UnknownImage):
        return Refusal(404, Wording("unknown_study", NOTHING, str(error)))
    if isinstance(error, MissingPicture):
        return Refusal(404, BY_STATUS[404])
    if isinstance(error, ModelUnusable):
        return Refusal(503, Wording(error.code, BY_STATUS[503].title, NETWORKS), _later(NotKept))
    return Refusal(500, INTERNAL)


def _of_http(error: HTTPException) -> Refusal:
    """What Flask and its extensions raise; the words are ours."""
    headers = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    if isinstance(error, CSRFError):
        return Refusal(403, EXPIRED)
    if error.code == 503:
        headers.setdefault("Retry-After", str(NotKept.retry_after_s))
    if isinstance(error, RateLimitExceeded):
        headers["Retry-After"] = str(_seconds_until_allowed())
    if isinstance(error, RequestEntityTooLarge):
        return Refusal(413, _too_large())
    if error.code in BY_STATUS:
        words = BY_STATUS[error.code]
        return Refusal(error.code, Wording(words.code, words.title, _field_fault(error) or words.sentence), headers)
    if error.code is not None and error.code < 500:
        return Refusal(error.code, BY_STATUS[400], headers)
    return Refusal(500, INTERNAL)


def _too_large() -> Wording:
    """Werkzeug raises one error for a large body, many parts and long fields; the length tells them apart."""
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    if request.content_length is not None and request.content_length <= limit:
        return Wording("too_many_parts", "The form is too large", "The form has too many parts or too long texts.")
    return too_large(current_app.config["MAX_UPLOAD_MB"])


def _field_fault(error: HTTPException) -> str | None:
    """The first fault that the schemas found, as "latitude: Not a valid number."."""
    messages = getattr(error, "data", {}).get("messages", {})
    for faults in messages.values():
        for name, sentences in faults.items():
            return f"{name}: {sentences[0]}"
    return None


def _seconds_until_allowed() -> int:
    """Until the limit that was reached counts anew; at least 1."""
    reached = limiter.current_limit
    return max(1, int(reached.reset_at - time.time())) if reached else 1


def _later(error: NotKept | DrawingBusy | type[NotKept]) -> dict[str, str]:
    return {"Retry-After": str(error.retry_after_s)}


def _more(error: Exception) -> dict[str, Any]:
    return {"matches": [place_json(place) for place in error.matches]} if isinstance(error, AmbiguousPlace) else {}
