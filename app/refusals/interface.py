"""What only the JSON interface refuses; `refusals` knows the words for everything else.

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

from app.places.place import Place


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
    code, status, sentence = "no_picture", 404, "This image has no such picture."


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
