"""What the JSON interface and the doors around it refuse; `sentences` knows the words for everything else.

ApiRefusal                  a refusal of a door itself
├── OtherSite               403 other_site
├── UploadsNeedLogin        403 uploads_need_login
├── FiguresClosed           403 figures_closed
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

from app.places.place import UNKNOWN_PLACE, Place


class ApiRefusal(Exception):
    """A refusal with its code, sentence and HTTP status."""

    code, status, sentence = "bad_request", 400, "The request could not be understood."


class OtherSite(ApiRefusal):
    """Pages and programs alike: a browser says that a page of another site sent this."""

    code, status = "other_site", 403
    sentence = "This was sent from a page of another site, so nothing was done. Open this site itself and try again."


class UploadsNeedLogin(ApiRefusal):
    code, status = "uploads_need_login", 403
    sentence = "This server takes pictures only from people who are signed in, on its own page. Sign in first."


class FiguresClosed(ApiRefusal):
    code, status = "figures_closed", 403
    sentence = "The figures are for this machine itself, and for whoever sends the token of METRICS_TOKEN."


class NoFile(ApiRefusal):
    """`mistake` says what is wrong with the form, where that can be told."""

    code, sentence = "no_file", "Send the picture in the multipart field 'file'."

    def __init__(self, mistake: str | None = None) -> None:
        super().__init__(mistake or self.sentence)
        if mistake:
            self.sentence = mistake


class OneFileOnly(ApiRefusal):
    code, sentence = "one_file_only", "Send one picture per request."


class IdempotencyMismatch(ApiRefusal):
    code, status = "idempotency_mismatch", 422
    sentence = "This Idempotency-Key was used for another file. Make a new key for each picture."


class NotOwner(ApiRefusal):
    code, status = "not_owner", 403
    sentence = "Only whoever sent the picture may delete it: send the Delete-Token of the answer to its upload."


class NoPicture(ApiRefusal):
    code, status, sentence = "no_picture", 404, "This image has no such picture."


class NoPlace(ApiRefusal):
    code, sentence = "no_place", "Give latitude and longitude, or a place."


class UnknownPlace(ApiRefusal):
    """The typed place means nothing that is known here; the sentence says whether a town or a postcode is missing."""

    code, status, sentence = "unknown_place", 422, UNKNOWN_PLACE

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class AmbiguousPlace(ApiRefusal):
    """Several places have this name."""

    code, status, sentence = "ambiguous_place", 422, "Several places have this name. Send the coordinates of one."

    def __init__(self, matches: Sequence[Place]) -> None:
        super().__init__(self.sentence)
        self.matches = matches
