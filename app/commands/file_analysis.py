"""Reads picture files with the same decoder, gate, networks and rules as an upload; keeps nothing but the masks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flask import current_app
from PIL import Image

from app import categories
from app.inference.results import Findings, to_json
from app.reading import analysis
from app.reading.triage import Decision
from app.reports.image_json import DISCLAIMER, advice_json, picture_json, reading_json, reason_json, unread_json
from app.tables.image import DECLINED, DONE
from app.workers.services import services
from imaging.errors import RefusedUpload, UnusablePicture
from imaging.overlay import in_file
from imaging.picture import Origin

REFUSED = "refused"  # not a picture that is read: an upload of it would have been answered with an error
MASK_ENDING = ".mask.png"


@dataclass(frozen=True)
class Source:
    """A file to read, and where its mask goes below the folder of the masks."""

    path: Path
    below: Path


@dataclass(frozen=True)
class Answer:
    """What became of one file. `is_read`: it was a picture and got an answer, be it that it was declined."""

    body: dict[str, Any]

    @property
    def is_read(self) -> bool:
        return bool(self.body["status"] != REFUSED)


def sources(paths: Iterable[Path]) -> list[Source]:
    """Every file that the paths name, each once, folders in the order of their names.

    Hidden files and masks of an earlier run are left out of folders. A path that does not exist is kept: its answer
    says so.
    """
    found: dict[Path, Source] = {}
    for path in paths:
        for file in sorted(_files(path)) if path.is_dir() else [path]:
            below = Path(path.absolute().name) / file.relative_to(path) if path.is_dir() else Path(file.name)
            found.setdefault(file.absolute(), Source(file, below))
    return _told_apart(list(found.values()))


def _told_apart(sources: list[Source]) -> list[Source]:
    """The same files; one whose mask would overwrite another's gets a numbered folder."""
    first: dict[Path, int] = {}
    for number, source in enumerate(sources):
        first.setdefault(source.below, number)
    return [
        source if first[source.below] == number else Source(source.path, Path(str(number)) / source.below)
        for number, source in enumerate(sources)
    ]


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not is_hidden and not path.name.endswith(MASK_ENDING):
            yield path


def answers(sources: Iterable[Source], frame: int | None, masks: Path | None) -> Iterator[Answer]:
    """Read one file after the other.

    Args:
        frame: wanted frame of multi-frame files; None lets the decoder choose.
        masks: folder that gets a mask for every picture that was read.

    Raises:
        ModelUnusable: the networks are missing or damaged.
    """
    for source in sources:
        yield Answer({"path": str(source.path), **_answer(source, frame, masks), "disclaimer": DISCLAIMER})


def _answer(source: Source, frame: int | None, masks: Path | None) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        picture = services().decoder.decode(_content(source.path), frame)
    except RefusedUpload as refusal:
        return _unread(REFUSED, refusal.code, refusal.sentence, None, (), 0.0)
    decode_ms = round((time.perf_counter() - started) * 1000, 2)
    (judged,) = analysis.judge([picture])
    if isinstance(judged, UnusablePicture):
        declined = _unread(DECLINED, judged.code, judged.sentence, categories.DECLINED, picture.notices, decode_ms)
        return declined | {"picture": picture_json(picture, picture.in_file)}
    findings, decision = judged
    mask = str(_keep_mask(findings, picture.in_file, source.below, masks)) if masks else None
    return _read(findings, decision, decode_ms) | {"picture": picture_json(picture, picture.in_file), "mask": mask}


def _content(path: Path) -> bytes:
    """The file's bytes, within the limit of an upload.

    Raises:
        RefusedUpload: it can't be opened, or it is larger than an upload may be.
    """
    limit = _limit_bytes()
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise RefusedUpload("unreadable_file", "The file can't be opened.") from error
    if len(content) > limit:
        raise RefusedUpload("too_large", f"The file is larger than {limit // 1_000_000} MB.", 413)
    return content


def _limit_bytes() -> int:
    return int(current_app.config["MAX_UPLOAD_MB"]) * 1_000_000


def _unread(
    status: str, code: str, sentence: str, category: str | None, notices: tuple[str, ...], decode_ms: float
) -> dict[str, Any]:
    unread = unread_json(category, list(notices), decode_ms) | {"picture": None, "mask": None}
    return {"status": status, "reason": reason_json(code, sentence), **unread, "advice": advice_json(category)}


def _read(findings: Findings, decision: Decision, decode_ms: float) -> dict[str, Any]:
    plain = to_json(findings)
    plain["milliseconds"] = {"decode": decode_ms, **findings.milliseconds}
    plain["because"] = decision.because
    reading = reading_json(plain, decision.category)
    return {"status": DONE, "reason": None, **reading, "advice": advice_json(decision.category)}


def _keep_mask(findings: Findings, place: Origin, below: Path, masks: Path) -> Path:
    """Write the mask as 8-bit PNG below `masks`, in the same folders as its picture; an earlier mask is replaced.

    It has the size of the file's own frame: it can be laid on what was sent.
    """
    path = masks / below.parent / f"{below.name}{MASK_ENDING}"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(in_file(findings.mask, place).astype(np.uint8) * 255).save(path)
    return path
