"""THE LINE: load → gate → segment → classify → explain → triage → store. The only place that knows the order."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.exc import OperationalError

from app import audit, categories
from app.inference.explain import DRAWN_PX
from app.inference.manifest import ModelUnusable
from app.inference.pipeline import Engine
from app.inference.results import Findings, to_json
from app.reading import triage
from app.reading.triage import Decision
from app.store import failpoints
from app.store.database import writing
from app.store.pictures import Encoded
from app.tables import Analysis, Image
from app.tables.image import DECLINED, DONE, QUEUED, RUNNING, reference
from app.tables.moment import now
from app.web import observability
from app.web.extensions import db
from app.workers import large_pictures, tasks, watchdog
from app.workers.early import Offer
from app.workers.services import services
from imaging.errors import UnusablePicture
from imaging.gate import quality
from imaging.picture import Objection, Origin, Picture, Spacing
from imaging.preprocess import fitted, resize

_STORE_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

log = logging.getLogger(__name__)

_beside = ThreadPoolExecutor(2, "gate")  # one for each thread that analyses; its threads start with the first picture
MANY_PIXELS = 10_000_000  # of a whole batch: thirty-two pictures of usual size stay below


class ResultsNotKept(Exception):
    """The pictures of a result can't be written."""


@dataclass(frozen=True)
class Outcome:
    """What became of one image: findings with a decision, or the reason why it was declined."""

    image_id: str
    picture: Picture
    findings: Findings | None = None
    decision: Decision | None = None
    declined: UnusablePicture | None = None


def analyse(image_ids: Sequence[str]) -> None:
    """Analyse leased images in one batch and write all results in one transaction. Delivering twice changes nothing.

    A failure of ours puts the images back in the queue; one that failed three times is given up. While the networks
    or the store are unusable the images wait, and no attempt is counted.
    """
    try:
        pictures = [(image_id, _picture(db.session.get_one(Image, image_id))) for image_id in image_ids]
        db.session.rollback()  # no transaction stays open while the networks run
        with _room([picture for _, picture in pictures]):
            _store(_outcomes(pictures))
    except ModelUnusable as error:
        log.error("networks unusable, images wait", extra={"code": error.code})
        _put_back(image_ids, is_counted=False)
        time.sleep(tasks.REST_S)
    except Exception as error:
        db.session.rollback()
        if _is_fault_of_the_store(error):
            log.error("store unusable, images wait", extra={"error": type(error).__name__})
            _put_back(image_ids, is_counted=False)
            time.sleep(tasks.REST_S)
            return
        if len(image_ids) > 1:  # one of them may be to blame: try each alone
            for image_id in image_ids:
                analyse([image_id])
            return
        log.exception("analysis failed", extra={"stage": "analysis"})
        _put_back(image_ids, is_counted=True)


def analyse_early(offers: Sequence[Offer]) -> None:
    """Read pictures whose rows are still being written, and write the results of those that were kept.

    Whatever fails here is done again the usual way, from the kept pictures.
    """
    try:
        with _room([offer.picture for offer in offers]):
            outcomes = _outcomes([(offer.image_id, offer.picture) for offer in offers])
            kept = {offer.image_id for offer in offers if offer.is_kept()}
            _store([outcome for outcome in outcomes if outcome.image_id in kept])
    except Exception as error:
        log.warning("early reading failed", extra={"error": type(error).__name__})
        db.session.rollback()
        if kept_ids := [offer.image_id for offer in offers if offer.is_kept()]:
            analyse(kept_ids)


@contextmanager
def _room(pictures: Sequence[Picture]) -> Iterator[None]:
    """Batches with large pictures, or very many, take turns: all their layers are in memory. Others go on beside."""
    sizes = [picture.pixels.size for picture in pictures]
    with large_pictures.room(max(sizes) > large_pictures.LARGE_PIXELS or sum(sizes) > MANY_PIXELS):
        yield


def _is_fault_of_the_store(error: Exception) -> bool:
    """True when results can't be written, or the database is out of reach: no image is to blame for that.

    A kept picture that can't be read is another matter: the disk may be damaged in that place alone.
    """
    return isinstance(error, (OperationalError, ResultsNotKept)) or (
        isinstance(error, OSError) and error.errno in _STORE_FAULTS
    )


def rerun(image_id: str, actor: str) -> None:
    """Have an image analysed again, soon; its new analysis stands beside the earlier ones."""
    queue_again(image_id, actor)
    tasks.start(image_id)


def queue_again(image_id: str, actor: str) -> None:
    """As `rerun`, but from a command: the server that runs, or the next one, finds the row."""
    with writing():
        image = db.session.get_one(Image, image_id)
        image.status, image.attempts, image.lease_until = QUEUED, 0, None
        image.is_reviewed = False  # what was reviewed is an earlier answer; the new one may be another
        audit.record(actor, "image.rerun", image_id)


def judge(pictures: Sequence[Picture]) -> list[tuple[Findings, Decision] | UnusablePicture]:
    """Gate, networks and triage for decoded pictures, without any storage: the command line uses it too.

    Raises:
        ModelUnusable: the networks are missing or damaged.
    """
    engine = services().engine
    gating = _beside.submit(lambda: [_gated(engine, picture) for picture in pictures])  # beside the networks
    try:
        findings = engine.read(pictures)
    finally:
        wait([gating])  # also where the networks fail: nothing goes on for pictures that are given up
    threshold = engine.manifest.malignant_threshold
    return [
        _judged(found, notices, threshold) if isinstance(notices, tuple) else notices
        for found, notices in zip(findings, gating.result(), strict=True)
    ]


def _gated(engine: Engine, picture: Picture) -> tuple[str, ...] | UnusablePicture:
    """The gate's notices, or its refusal: then nothing of what the networks found is used."""
    try:
        notices = quality.check(picture)
    except UnusablePicture as refusal:
        return refusal
    code = engine.objection(picture)
    return quality.refusal(code) if code else notices


def _judged(findings: Findings, notices: tuple[str, ...], malignant_threshold: float) -> tuple[Findings, Decision]:
    noticed = replace(findings, notices=(*findings.notices, *notices))
    return noticed, triage.decide(noticed, malignant_threshold)


def _picture(image: Image) -> Picture:
    """The kept pixels of an image as the decoder gave them."""
    spacing = Spacing(image.spacing_mm, image.spacing_source or "") if image.spacing_mm else None
    return Picture(
        services().store.get(image.picture_sha256),
        image.kind,
        image.colour_share,
        spacing,
        image.frame,
        image.frames,
        tuple(image.notices),
        Origin(**image.origin) if image.origin else None,
        Objection(image.objection_code, image.objection or "") if image.objection_code else None,
    )


def _outcomes(pictures: Sequence[tuple[str, Picture]]) -> list[Outcome]:
    with watchdog.limited([reference(image_id) for image_id, _ in pictures]):
        failpoints.reached(failpoints.INFERENCE)
        judged = judge([picture for _, picture in pictures])
    return [
        Outcome(image_id, picture, declined=verdict)
        if isinstance(verdict, UnusablePicture)
        else Outcome(image_id, picture, findings=verdict[0], decision=verdict[1])
        for (image_id, picture), verdict in zip(pictures, judged, strict=True)
    ]


def _store(outcomes: Sequence[Outcome]) -> None:
    try:
        kept = {outcome.image_id: _kept(outcome) for outcome in outcomes if outcome.findings is not None}
    except OSError as error:
        raise ResultsNotKept from error
    with writing():
        for outcome in outcomes:
            image = db.session.get(Image, outcome.image_id)
            if image is None or image.status != RUNNING:  # deleted, or finished by an earlier delivery
                continue
            image.lease_until, image.finished_at, image.attempts = None, now(), 0
            if outcome.findings is None or outcome.decision is None:
                _decline(image, outcome)
            else:
                analysis, layers = kept[image.id]
                for layer in layers:  # again under the write lock: a deletion may have removed a shared file
                    services().store.write(layer)
                _finish(image, analysis, outcome.findings, outcome.decision)
        db.session.flush()
        failpoints.reached(failpoints.BEFORE_RESULT)
    for outcome in outcomes:
        _count(outcome)


def _count(outcome: Outcome) -> None:
    if outcome.findings is None:
        observability.count_declined()
    else:
        observability.count_analysis(outcome.findings.provider, outcome.findings.milliseconds)


def _kept(outcome: Outcome) -> tuple[Analysis, list[Encoded]]:
    """The row of an outcome, not written yet, and its layers, which are."""
    findings, store = outcome.findings, services().store
    assert findings is not None
    assert outcome.decision is not None
    started = time.perf_counter()
    layers = [findings.mask.astype(np.uint8) * 255]
    if findings.heat is not None:
        height, width = findings.heat.shape
        layers.append(resize(findings.heat, *fitted(height, width, DRAWN_PX)))
    encoded = store.put_all(layers)
    mask_key, heat_key = [*(layer.key for layer in encoded), None][:2]
    store_ms = round((time.perf_counter() - started) * 1000, 2)
    plain = to_json(findings)
    plain["milliseconds"] = {**findings.milliseconds, "store": store_ms}
    plain["because"] = outcome.decision.because
    analysis = Analysis(
        image_id=outcome.image_id,
        findings=plain,
        category=outcome.decision.category,
        models_version=findings.models_version,
        provider=findings.provider,
        mask_sha256=mask_key,
        heat_sha256=heat_key,
    )
    return analysis, encoded


def _finish(image: Image, analysis: Analysis, findings: Findings, decision: Decision) -> None:
    timed = {"decode": image.decode_ms, **analysis.findings["milliseconds"]}
    analysis.findings = {**analysis.findings, "milliseconds": timed}
    db.session.add(analysis)
    image.status, image.category, image.urgency = DONE, decision.category, decision.urgency
    image.label, image.malignant = findings.label, findings.probabilities.malignant
    image.reason_code, image.reason = None, decision.because
    audit.record("system", "image.analyse", image.id, category=decision.category, provider=findings.provider)


def _decline(image: Image, outcome: Outcome) -> None:
    assert outcome.declined is not None
    image.status, image.category = DECLINED, categories.DECLINED
    image.urgency = categories.URGENCY[categories.DECLINED]
    image.label = image.malignant = None  # of an earlier reading, which no longer stands
    image.reason_code, image.reason = outcome.declined.code, outcome.declined.sentence
    audit.record("system", "image.decline", image.id, code=outcome.declined.code)


def _put_back(image_ids: Sequence[str], is_counted: bool) -> None:
    with writing():
        for image_id in image_ids:
            image = db.session.get(Image, image_id)
            if image is None or image.status != RUNNING:
                continue
            image.status, image.lease_until = QUEUED, None
            if not is_counted:
                image.attempts -= 1
            elif image.attempts >= tasks.ATTEMPTS:
                tasks.give_up(image)
