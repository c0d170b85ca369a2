"""What the pages of one image may read: waiting, result, declined, failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.categories import FAILED
from app.pages.frames import FrameChoice, frame_choice
from app.pages.measured import Measured, measured
from app.pages.probabilities import Leaning, leaning
from app.pages.technical import Technical, device_in_words, technical
from app.pages.viewer import Viewer, viewer
from app.reading import explanation, images
from app.reading.triage import WORDS
from app.tables import Image
from app.tables.image import DONE, QUEUED, RUNNING

_STEP_WORDS = {
    "received": "Received and kept",
    "checked": "Checked that it is usable",
    "outlined": "Outlined what stands out",
    "weighed": "Compared and measured",
}


@dataclass(frozen=True)
class Step:
    """A step of the way; `state` is done, now or next."""

    words: str
    state: str


@dataclass(frozen=True)
class WaitingPage:
    """How far an image has come. The same facts are answered to the polling script."""

    image_id: str
    reference: str
    received_at: datetime
    step: str
    done: int
    of: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Reading:
    """What the networks found, told. Only a finished image has one."""

    leaning: Leaning
    measured: tuple[Measured, ...]
    explanation: tuple[str, ...]
    technical: Technical
    models: str
    device: str


@dataclass(frozen=True)
class ResultPage:
    """An image that is no longer waiting.

    Attributes:
        because: the rule that led to the category, or why the picture was declined or the analysis failed.
        frames: None where the file holds one picture.
        reading: None for declined and failed images.
        can_delete: True for the browser that sent the picture.
    """

    image_id: str
    reference: str
    category: str
    heading: str
    summary: str
    because: str
    steps: tuple[str, ...]
    received_at: datetime
    finished_at: datetime | None
    notices: tuple[str, ...]
    frames: FrameChoice | None
    viewer: Viewer
    reading: Reading | None
    can_delete: bool


def is_waiting(image: Image) -> bool:
    """True while an image is queued or being read."""
    return image.status in (QUEUED, RUNNING)


def waiting_page(image: Image) -> WaitingPage:
    """How far an image has come."""
    progress = images.progress(image)
    steps = tuple(
        Step(_STEP_WORDS[name], "done" if number < progress.done else "now" if number == progress.done else "next")
        for number, name in enumerate(images.STEPS)
    )
    return WaitingPage(image.id, image.reference, image.created_at, progress.step, progress.done, progress.of, steps)


def result_page(image: Image, manifest: Mapping[str, Any], can_delete: bool) -> ResultPage:
    """Tell a finished, declined or failed image.

    Args:
        manifest: the loaded manifest's content; used only when it is of the networks that made the analysis.
    """
    words = WORDS[image.category or FAILED]
    reading = _reading(image, manifest)
    return ResultPage(
        image_id=image.id,
        reference=image.reference,
        category=image.category or FAILED,
        heading=words.heading,
        summary=words.summary,
        because=image.reason or "",
        steps=words.steps,
        received_at=image.created_at,
        finished_at=image.finished_at,
        notices=_notices(image),
        frames=frame_choice(image),
        viewer=viewer(image),
        reading=reading,
        can_delete=can_delete,
    )


def _reading(image: Image, manifest: Mapping[str, Any]) -> Reading | None:
    analysis = image.reading
    if image.status != DONE or analysis is None:
        return None
    findings = analysis.findings
    own = manifest if manifest.get("version") == analysis.models_version else {}
    return Reading(
        leaning=leaning(findings, own),
        measured=measured(findings.get("lesion")),
        explanation=explanation.sentences(findings, image.height, image.width),
        technical=technical(image, findings, own),
        models=", ".join(f"{name} {version}" for name, version in findings["models"].items()),
        device=device_in_words(findings["provider"], findings["precision"]),
    )


def _notices(image: Image) -> tuple[str, ...]:
    """What was noticed while decoding and while reading, each sentence once."""
    read = image.reading.findings.get("notices", ()) if image.reading else ()
    return tuple(dict.fromkeys((*image.notices, *read)))
