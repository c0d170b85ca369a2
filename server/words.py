"""What a refusal says by its HTTP status: one source for the application and for nginx in front of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """A code for programs, a title for pages, and one sentence or two that a person understands."""

    code: str
    title: str
    sentence: str


NOTHING = "There is nothing here"
MISSING = "There is nothing at this address. It may have been deleted, or a letter of the address is missing."

BY_STATUS: dict[int, Wording] = {
    400: Wording("bad_request", "This request can't be read", "The request could not be understood."),
    401: Wording("login_required", "Please sign in", "This page is for staff. Sign in to see it."),
    403: Wording("forbidden", "This page is not for you", "Your account may not do this. Ask an admin of this server."),
    404: Wording("not_found", NOTHING, MISSING),
    405: Wording("method_not_allowed", "That can't be done here", "This address does not know that way of asking."),
    408: Wording("too_slow", "That took too long", "The upload took too long. Check your connection and try again."),
    415: Wording("unsupported", "This can't be read", "The request has a form that this server does not read."),
    422: Wording("bad_field", "This can't be read", "A field holds something that it can't."),
    429: Wording(
        "rate_limited", "Too many requests", "Those were many requests in a short time. Wait a minute and try again."
    ),
    503: Wording(
        "unavailable", "Not available right now", "The server can't do this now. Please try again in a moment."
    ),
}
INTERNAL = Wording(
    "internal_error", "Something went wrong on our side",
    "It is not your fault, and pictures that were received are kept. Try again in a few minutes.",
)  # fmt: skip


def too_large(megabytes: int) -> Wording:
    """For an upload above MAX_UPLOAD_MB."""
    sentence = f"A picture may have at most {megabytes} MB. Export it smaller."
    return Wording("too_large", "The file is too large", sentence)
