"""Reads picture files with the same decoder, gate, networks and rules as an upload; keeps nothing but the masks."""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flask import current_app
from PIL import Image

from app import categories
from app.commands import named_files, new_files
from app.commands.endings import CantWrite, Refused
from app.commands.found_files import MASK_ENDING, Identity, LeftOut, Source, identity
from app.commands.names import shown, told
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
LEFT_OUT = "left_out"  # not looked at
_LONG_NAME = "The mask was not written: the name of its file would be too long."


@dataclass(frozen=True)
class Answer:
    """What became of one file. `is_read`: it was a picture and got an answer, be it that it was declined."""

    body: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.body["status"])

    @property
    def is_read(self) -> bool:
        return self.status in (DONE, DECLINED)


@dataclass(frozen=True)
class Masks:
    """The folder that gets a mask for every picture that was read. `is_forced`: masks that are there are replaced."""

    folder: Path
    is_forced: bool

    def check(self, sources: Iterable[Source], read: Collection[Identity]) -> None:
        """See that no mask would take the place of a file.

        Raises:
            Refused: it would, and may not.
        """
        places = [self._place(source) for source in sources if source.unread is None]
        there = [place for place in places if os.path.lexists(place)]
        if any(identity(place) in read for place in there):
            raise Refused("A mask would replace one of the files to be read. Name another folder for --masks.")
        if there and not self.is_forced:
            raise Refused(
                f"{len(there)} of the masks are there already, as {told(there[0])}. Name another folder, or say "
                "--force to replace them."
            )

    def keep(self, findings: Findings, place: Origin, source: Source) -> Path | None:
        """Write the mask as 8-bit PNG, in the same folders as its picture, in the size of the file's own frame.

        None when its name would be longer than the disk allows.

        Raises:
            CantWrite: the disk does not take it.
        """
        buffer, path = io.BytesIO(), self._place(source)
        Image.fromarray(in_file(findings.mask, place).astype(np.uint8) * 255).save(buffer, "PNG")
        try:
            new_files.put(path, buffer.getvalue(), self.is_forced)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise CantWrite(told(path), error) from error
        return path

    def _place(self, source: Source) -> Path:
        return self.folder / source.below.parent / f"{source.below.name}{MASK_ENDING}"


def answers(sources: Iterable[Source], frame: int | None, masks: Masks | None) -> Iterator[Answer]:
    """Read one file after the other.

    Args:
        frame: wanted frame of multi-frame files; None lets the decoder choose.

    Raises:
        ModelUnusable: the networks are missing or damaged.
        CantWrite: a mask can't be written.
    """
    for source in sources:
        yield Answer({"path": shown(source.path), **_answer(source, frame, masks), "disclaimer": DISCLAIMER})


def _answer(source: Source, frame: int | None, masks: Masks | None) -> dict[str, Any]:
    if isinstance(source.unread, LeftOut):
        return _unread(LEFT_OUT, source.unread.code, source.unread.sentence, None, (), 0.0)
    started = time.perf_counter()
    try:
        if source.unread is not None:
            raise source.unread
        picture = services().decoder.decode(named_files.content(source.path, _limit_bytes()), frame)
    except RefusedUpload as refusal:
        return _unread(REFUSED, refusal.code, refusal.sentence, None, (), 0.0)
    decode_ms = round((time.perf_counter() - started) * 1000, 2)
    (judged,) = analysis.judge([picture])
    if isinstance(judged, UnusablePicture):
        declined = _unread(DECLINED, judged.code, judged.sentence, categories.DECLINED, picture.notices, decode_ms)
        return declined | {"picture": picture_json(picture, picture.in_file)}
    findings, decision = judged
    read = _read(findings, decision, decode_ms) | {"picture": picture_json(picture, picture.in_file), "mask": None}
    return read | _masked(read["notices"], masks.keep(findings, picture.in_file, source)) if masks else read


def _masked(notices: list[str], mask: Path | None) -> dict[str, Any]:
    return {"notices": [*notices, _LONG_NAME]} if mask is None else {"mask": shown(mask)}


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
