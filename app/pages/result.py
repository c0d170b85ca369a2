"""What the pages of one study may read: waiting, result, declined, failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.categories import FAILED
from app.pages.measured import Measured, measured
from app.pages.technical import Technical, device_in_words, technical
from app.pages.viewer import Viewer, viewer
from app.pages.weighing import Weighing, weighing
from app.reading import explanation, images
from app.reading.triage import WORDS
from app.tables import Study
from app.tables.study import DONE, QUEUED, RUNNING

_STEP_WORDS = {
    "received": "Received and kept",
    "checked": "Checked that it is usable",
    "outlined": "Outlined what stands out",
    "weighed": "Weighed and measured",
}


@dataclass(frozen=True)
class Step:
    """A step of the way; `state` is done, now or next."""

    words: str
    state: str


@dataclass(frozen=True)
class WaitingPage:
    """How far a study has come. The same facts are answered to the polling script."""

    study_id: str
    reference: str
    received_at: datetime
    step: str
    done: int
    of: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Reading:
    """What the networks found, told. Only a finished study has one."""

    weighing: Weighing
    measured: tuple[Measured, ...]
    explanation: tuple[str, ...]
    technical: Technical
    models: str
    device: str


@dataclass(frozen=True)
class ResultPage:
    """A study that is no longer waiting.

    Attributes:
        because: the rule that led to the category, or why the picture was declined or the analysis failed.
        reading: None for declined and failed studies.
        can_delete: True for the browser that sent the picture.
    """

    study_id: str
    reference: str
    category: str
    heading: str
    summary: str
    because: str
    steps: tuple[str, ...]
    received_at: datetime
    finished_at: datetime | None
    notices: tuple[str, ...]
    viewer: Viewer
    reading: Reading | None
    can_delete: bool


def is_waiting(study: Study) -> bool:
    """True while a study is queued or being read."""
    return study.status in (QUEUED, RUNNING)


def waiting_page(study: Study) -> WaitingPage:
    """How far a study has come."""
    progress = images.progress(study)
    steps = tuple(
        Step(_STEP_WORDS[name], "done" if number < progress.done else "now" if number == progress.done else "next")
        for number, name in enumerate(images.STEPS)
    )
    return WaitingPage(study.id, study.reference, study.created_at, progress.step, progress.done, progress.of, steps)


def result_page(study: Study, manifest: Mapping[str, Any], can_delete: bool) -> ResultPage:
    """Tell a finished, declined or failed study.

    Args:
        manifest: the loaded manifest's content; used only when it is of the networks that made the analysis.
    """
    words = WORDS[study.category or FAILED]
    reading = _reading(study, manifest)
    return ResultPage(
        study_id=study.id,
        reference=study.reference,
        category=study.category or FAILED,
        heading=words.heading,
        summary=words.summary,
        because=study.reason or "",
        steps=words.steps,
        received_at=study.created_at,
        finished_at=study.finished_at,
        notices=_notices(study),
        viewer=viewer(study),
        reading=reading,
        can_delete=can_delete,
    )


def _reading(study: Study, manifest: Mapping[str, Any]) -> Reading | None:
    analysis = study.reading
    if study.status != DONE or analysis is None:
        return None
    findings = analysis.findings
    own = manifest if manifest.get("version") == analysis.models_version else {}
    return Reading(
        weighing=weighing(findings, own),
        measured=measured(findings.get("lesion")),
        explanation=explanation.sentences(findings, study.height, study.width),
        technical=technical(study, findings, own),
        models=", ".join(f"{name} {version}" for name, version in findings["models"].items()),
        device=device_in_words(findings["provider"], findings["precision"]),
    )


def _notices(study: Study) -> tuple[str, ...]:
    """What was noticed while decoding and while reading, each sentence once."""
    read = study.reading.findings.get("notices", ()) if study.reading else ()
    return tuple(dict.fromkeys((*study.notices, *read)))
