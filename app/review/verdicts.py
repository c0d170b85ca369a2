"""Records what clinicians think of the program's answers. A verdict adds a row; none is changed or removed."""

from __future__ import annotations

from dataclasses import dataclass

from app import audit
from app.inference.results import LABELS
from app.reading import images
from app.store.database import writing
from app.tables import Image, Review
from app.tables.image import DECLINED, DONE, FAILED
from app.tables.review import AGREE, DISAGREE
from app.web.extensions import db

LONGEST_NOTE = 2000
_FINISHED = (DONE, DECLINED, FAILED)


class RefusedVerdict(ValueError):
    """The verdict can't be recorded; `sentence` says why. 409 when the image has changed, else 422."""

    def __init__(self, sentence: str, status: int = 422) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


@dataclass(frozen=True)
class Verdict:
    """What a reviewer says.

    Attributes:
        verdict: agree or disagree.
        label: the class held to be right; may be None with *agree*, and where the picture shows none of the classes.
        note: free text, up to LONGEST_NOTE characters.
        analysis_id: the analysis that the reviewer saw, None when there was none.
    """

    verdict: str
    label: str | None = None
    note: str = ""
    analysis_id: int | None = None


def record(image_id: str, user_id: int, actor: str, verdict: Verdict) -> None:
    """Keep a verdict on a finished image.

    Raises:
        UnknownImage: there is no such image.
        RefusedVerdict: the image is not finished, was analysed anew meanwhile, or the verdict contradicts itself.
    """
    with writing():
        image = images.find(image_id)
        label = _right_label(image, verdict)
        review = Review(
            image_id=image.id, user_id=user_id, analysis_id=verdict.analysis_id, verdict=verdict.verdict,
            label=label, note=verdict.note.strip()[:LONGEST_NOTE],
        )  # fmt: skip
        db.session.add(review)
        image.is_reviewed = True
        audit.record(actor, "image.review", image.id, verdict=verdict.verdict, label=label)


def _right_label(image: Image, verdict: Verdict) -> str | None:
    """The class that the reviewer holds to be right, after all checks."""
    if image.status not in _FINISHED:
        raise RefusedVerdict("This image is still being read. A verdict can be given when it is finished.", 409)
    newest = image.reading
    if verdict.analysis_id != (newest.id if newest is not None else None):
        raise RefusedVerdict("This image was read again meanwhile. Please look at the new answer first.", 409)
    if verdict.verdict == AGREE:
        return image.label
    if verdict.verdict != DISAGREE or verdict.label not in (*LABELS, None):
        raise RefusedVerdict("Choose agree, or disagree with the right class.")
    if verdict.label == image.label:
        raise RefusedVerdict("That is the class that the program chose: choose agree, or another class.")
    return verdict.label
