"""From received bytes to a stored answer, on a real database and real files with tiny networks."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from flask import Flask
from PIL import Image as Pillow
from sqlalchemy.exc import OperationalError

from app import create_app
from app.assembly import WORK
from app.pages.viewer import viewer
from app.places.places import Place
from app.reading import analysis, images, intake
from app.reading.intake import Actor
from app.reports.image_json import image_json
from app.review.triage_list import REVIEWED_RANK
from app.store.database import writing
from app.store.erasures import short_name_of
from app.store.pictures import Encoded
from app.tables import Analysis, AuditEvent, Image
from app.tables.image import DECLINED, DONE, FAILED, QUEUED, RUNNING
from app.tables.moment import now
from app.upkeep import housekeeping
from app.web.extensions import db
from app.workers import large_pictures, tasks
from app.workers.services import services
from imaging.errors import RefusedUpload
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories.networks import write_tiny_layout, write_tiny_networks

ONE = Actor("1" * 64, "visitor")
OTHER = Actor("2" * 64, "visitor")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    models = write_tiny_networks(tmp_path / "models")
    made = create_app(DATA_DIR=tmp_path / "data", MODELS_DIR=models, PROVIDER="cpu", TESTING=True)
    monkeypatch.setattr(
        tasks.Worker, "wake", lambda _self, has_queued=False: None
    )  # the test decides when the worker works
    with made.app_context():
        db.create_all()
        yield made
        db.session.remove()
        db.engine.dispose()
        services().decoder.close()


def png(seed: int = 1) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(speckle(seed, "oval", height=200, width=240)).save(buffer, "PNG")
    return buffer.getvalue()


def work() -> list[str]:
    """One turn of the worker."""
    leased = list(tasks.lease(4, 120))
    if leased:
        analysis.analyse(leased)
    return leased


def kept_files() -> list[Path]:
    return [path for path in services().store.root.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("app")
class TestReceiving:
    def test_what_is_acknowledged_is_kept_as_pixels_and_row(self) -> None:
        receipt = intake.receive(png(), ONE)
        image = images.find(receipt.image_id)
        assert (image.status, image.kind, image.width) == (QUEUED, "png", 240)
        assert np.array_equal(services().store.get(image.picture_sha256), speckle(1, "oval", height=200, width=240))

    def test_the_same_file_from_the_same_sender_is_one_image(self) -> None:
        first, second = intake.receive(png(), ONE), intake.receive(png(), ONE)
        assert (first.is_new, second.is_new) == (True, False)
        assert first.image_id == second.image_id

    def test_the_same_file_from_another_sender_is_another_image(self) -> None:
        assert intake.receive(png(), ONE).image_id != intake.receive(png(), OTHER).image_id

    def test_a_place_given_later_is_kept_with_the_earlier_image(self) -> None:
        receipt = intake.receive(png(), ONE)
        intake.receive(png(), ONE, place=Place(43.25, -79.87, "Hamilton, Ontario", "CA"))
        assert images.find(receipt.image_id).place == "Hamilton, Ontario"

    @pytest.mark.parametrize("content", [b"", b"plain text", png()[:500]])
    def test_what_is_refused_leaves_nothing_behind(self, content: bytes) -> None:
        with pytest.raises(RefusedUpload):
            intake.receive(content, ONE)
        assert db.session.query(Image).count() == 0
        assert kept_files() == []

    def test_a_full_queue_is_told_and_takes_nothing_in(self, app: Flask) -> None:
        app.config["QUEUE_LIMIT"] = 1
        intake.receive(png(1), ONE)
        with pytest.raises(intake.QueueFull):
            intake.receive(png(2), ONE)
        assert db.session.query(Image).count() == 1

    def test_a_full_disk_is_told_and_takes_nothing_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("app.store.pictures.os.fsync", full)
        with pytest.raises(intake.StorageFull):
            intake.receive(png(), ONE)
        assert db.session.query(Image).count() == 0
        assert kept_files() == []


@pytest.mark.usefixtures("app")
class TestAnalysing:
    def test_a_queued_image_ends_with_findings_decision_and_pictures(self) -> None:
        receipt = intake.receive(png(), ONE)
        assert work() == [receipt.image_id]
        image = images.find(receipt.image_id)
        assert image.status == DONE
        assert image.analysis is not None
        assert image.category == image.analysis.category
        probabilities = image.analysis.findings["probabilities"]
        assert sum(probabilities.values()) == pytest.approx(1.0)
        assert set(image.analysis.findings["milliseconds"]) >= {"decode", "segment", "classify", "store"}
        assert services().store.get(image.analysis.mask_sha256).shape == (200, 240)

    def test_several_waiting_images_are_read_in_one_batch(self) -> None:
        ids = {intake.receive(png(seed), ONE).image_id for seed in range(3)}
        assert set(work()) == ids
        assert {images.find(image_id).status for image_id in ids} == {DONE}

    def test_a_picture_that_is_no_ultrasound_is_declined_with_the_reason(self) -> None:
        buffer = io.BytesIO()
        Pillow.fromarray(np.zeros((200, 200), dtype=np.uint8)).save(buffer, "PNG")
        receipt = intake.receive(buffer.getvalue(), ONE)
        work()
        image = images.find(receipt.image_id)
        assert (image.status, image.category) == (DECLINED, "declined")
        assert image.reason_code
        assert image.reason
        assert image.analysis is None

    def test_02_what_the_layout_network_objects_to_is_declined_with_its_reason(self, tmp_path: Path) -> None:
        write_tiny_layout(tmp_path / "models")  # brighter than middle grey is "inverted" to it
        bright = 255 - np.asarray(Pillow.open(io.BytesIO(png())).convert("L")) // 3
        buffer = io.BytesIO()
        Pillow.fromarray(bright).save(buffer, "PNG")
        receipt = intake.receive(buffer.getvalue(), ONE)
        work()
        image = images.find(receipt.image_id)
        assert (image.status, image.category, image.reason_code) == (DECLINED, "declined", "inverted")
        assert image.analysis is None

    def test_analysing_twice_changes_nothing(self) -> None:
        receipt = intake.receive(png(), ONE)
        leased = work()
        analysis.analyse(leased)
        assert db.session.query(Analysis).filter_by(image_id=receipt.image_id).count() == 1

    def test_a_rerun_adds_an_analysis_with_the_same_answer(self) -> None:
        receipt = intake.receive(png(), ONE)
        work()
        analysis.rerun(receipt.image_id, "reviewer")
        work()
        first, second = images.find(receipt.image_id).analyses
        assert first.findings["probabilities"] == second.findings["probabilities"]
        assert first.mask_sha256 == second.mask_sha256

    def test_an_image_that_is_read_again_waits_for_a_review_again(self) -> None:
        receipt = intake.receive(png(), ONE)
        work()
        with writing():
            images.find(receipt.image_id).is_reviewed = True
        assert images.find(receipt.image_id).work_rank >= REVIEWED_RANK
        analysis.rerun(receipt.image_id, "reviewer")
        work()
        image = images.find(receipt.image_id)
        assert (image.is_reviewed, image.work_rank < REVIEWED_RANK) == (False, True)

    def test_nothing_of_an_earlier_reading_stands_beside_a_failure(self) -> None:
        receipt = intake.receive(png(), ONE)
        work()
        image = images.find(receipt.image_id)
        assert image.label is not None
        services().store.remove(image.picture_sha256)
        analysis.rerun(receipt.image_id, "reviewer")
        for _ in range(tasks.ATTEMPTS + 1):
            work()
        image = images.find(receipt.image_id)
        assert (image.status, image.label, image.malignant, image.reading) == (FAILED, None, None, None)
        assert image.analysis is not None  # the earlier one is kept, and shown as such
        assert viewer(image).names == ()
        assert image_json(image)["label"] is None

    def test_layers_that_a_deletion_removed_meanwhile_are_written_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        keep = analysis._kept

        def lose(outcome: analysis.Outcome) -> tuple[Analysis, list[Encoded]]:
            row, layers = keep(outcome)
            for layer in layers:
                services().store.remove(layer.key)
            return row, layers

        monkeypatch.setattr(analysis, "_kept", lose)
        receipt = intake.receive(png(), ONE)
        work()
        row = images.find(receipt.image_id).analysis
        assert row is not None
        assert all(services().store.path(key).is_file() for key in (row.mask_sha256, row.heat_sha256))

    def test_an_image_whose_lease_ran_out_is_taken_up_again(self) -> None:
        receipt = intake.receive(png(), ONE)
        tasks.lease(4, 120)
        assert tasks.lease(4, 120) == []
        images.find(receipt.image_id).lease_until = now() - timedelta(seconds=1)
        db.session.commit()
        assert work() == [receipt.image_id]

    def test_an_image_that_fails_three_times_is_given_up_and_the_rest_goes_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        poison, fine = intake.receive(png(1), ONE).image_id, intake.receive(png(2), ONE).image_id
        key = images.find(poison).picture_sha256
        services().store.path(key).write_bytes(b"damaged")
        for _ in range(4):
            work()
        assert images.find(fine).status == DONE
        assert images.find(poison).status == FAILED
        assert images.find(poison).attempts == tasks.ATTEMPTS
        assert tasks.lease(4, 120) == []

    def test_a_picture_that_ends_the_process_is_given_up_after_three_times_and_its_neighbours_are_read(
        self, app: Flask
    ) -> None:
        poison, *others = (intake.receive(png(seed), ONE).image_id for seed in range(4))
        deaths = 0
        while leased := list(tasks.lease(4, 120)):
            if poison in leased:
                deaths += 1
                tasks.Worker(app, WORK)._requeue()  # what the next process does first
            else:
                analysis.analyse(leased)
        assert deaths == tasks.ATTEMPTS
        assert images.find(poison).status == FAILED
        assert {images.find(image_id).status for image_id in others} == {DONE}

    def test_what_a_process_left_behind_is_read_one_by_one_before_anything_else(self, app: Flask) -> None:
        left = [intake.receive(png(seed), ONE).image_id for seed in range(3)]
        tasks.lease(4, 120)
        fresh = intake.receive(png(9), ONE).image_id
        batches: list[list[str]] = []

        def analyse(ids: Sequence[str]) -> None:
            batches.append(list(ids))
            analysis.analyse(ids)

        worker = tasks.Worker(app, replace(WORK, analyse=analyse))
        worker._requeue()
        worker._read_interrupted()
        assert batches == [[image_id] for image_id in left]
        assert images.find(fresh).status == QUEUED

    def test_a_database_that_is_locked_at_the_start_is_waited_for(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        receipt = intake.receive(png(), ONE)
        tasks.lease(4, 120)
        locked = OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))
        monkeypatch.setattr(tasks, "writing", Mock(side_effect=[locked, writing()]))
        monkeypatch.setattr(tasks, "REST_S", 0.0)
        tasks.Worker(app, WORK)._requeue()
        assert images.find(receipt.image_id).status == QUEUED

    def test_pictures_that_waited_when_the_process_ended_are_read_however_often_it_ends(self, app: Flask) -> None:
        ids = {intake.receive(png(seed), ONE).image_id for seed in range(8)}
        for _ in range(10):  # each process lives long enough to read one picture, not four
            leased = tasks.lease(4, 120)
            if len(leased) == 1:
                analysis.analyse(leased)
            tasks.Worker(app, WORK)._requeue()
        assert {images.find(image_id).status for image_id in ids} == {DONE}

    def test_a_disk_that_takes_no_results_is_not_the_fault_of_a_picture(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object) -> list[str]:
            raise OSError(errno.EIO, "Input/output error")

        image_id = intake.receive(png(), ONE).image_id
        with monkeypatch.context() as patched:
            patched.setattr(tasks, "REST_S", 0.0)
            patched.setattr("app.store.pictures.PictureStore.put_all", broken)
            for _ in range(5):
                work()
        assert (images.find(image_id).status, images.find(image_id).attempts) == (QUEUED, 0)
        work()
        assert images.find(image_id).status == DONE

    def test_images_wait_while_the_networks_are_unusable_and_no_attempt_is_counted(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tasks, "REST_S", 0.0)
        manifest = app.config["MODELS_DIR"] / "manifest.json"
        content = manifest.read_bytes()
        manifest.unlink()
        receipt = intake.receive(png(), ONE)
        for _ in range(5):
            work()
        assert (images.find(receipt.image_id).status, images.find(receipt.image_id).attempts) == (QUEUED, 0)
        manifest.write_bytes(content)
        work()
        assert images.find(receipt.image_id).status == DONE

    def test_a_running_image_counts_as_not_finished(self) -> None:
        receipt = intake.receive(png(), ONE)
        tasks.lease(4, 120)
        assert images.find(receipt.image_id).status == RUNNING
        assert not tasks.wait(receipt.image_id, 0.01)


@pytest.mark.usefixtures("app")
class TestDeleting:
    def test_a_deleted_image_takes_its_pictures_with_it_and_leaves_a_trace_of_the_act(self) -> None:
        receipt = intake.receive(png(), ONE)
        work()
        images.delete(receipt.image_id, "visitor")
        assert kept_files() == []
        assert db.session.query(Analysis).count() == 0
        acts = [
            event.action for event in db.session.query(AuditEvent).filter_by(image_id=short_name_of(receipt.image_id))
        ]
        assert acts == ["image.receive", "image.analyse", "image.delete"]
        assert [event.details for event in db.session.query(AuditEvent)] == [{}, {}, {}]  # nothing of what was found

    def test_pixels_that_another_image_shows_stay(self) -> None:
        mine, theirs = intake.receive(png(), ONE), intake.receive(png(), OTHER)
        work()
        images.delete(mine.image_id, "visitor")
        assert services().store.get(images.find(theirs.image_id).picture_sha256).shape == (200, 240)

    def test_an_image_deleted_while_it_is_analysed_does_not_come_back(self) -> None:
        receipt = intake.receive(png(), ONE)
        leased = tasks.lease(4, 120)
        images.delete(receipt.image_id, "visitor")
        analysis.analyse(leased)
        with pytest.raises(images.UnknownImage):
            images.find(receipt.image_id)

    def test_leftovers_of_a_crash_are_swept_and_what_is_named_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        receipt = intake.receive(png(), ONE)
        orphan = services().store.put(np.ones((9, 9), dtype=np.uint8))
        leftover = services().store.path(orphan).with_suffix(".tmp")
        leftover.write_bytes(b"half")
        monkeypatch.setattr(housekeeping, "LEFTOVER_AGE_S", -10)
        housekeeping.sweep()
        assert [path.stem for path in kept_files()] == [images.find(receipt.image_id).picture_sha256]

    def test_a_file_that_goes_meanwhile_stops_no_sweep(self, monkeypatch: pytest.MonkeyPatch) -> None:
        orphan = services().store.path(services().store.put(np.ones((9, 9), dtype=np.uint8)))
        for name in ("0.tmp", "f.png"):
            orphan.with_name(name).symlink_to("gone")  # listed, and not there when it is looked at
        monkeypatch.setattr(housekeeping, "LEFTOVER_AGE_S", -10)
        housekeeping.sweep()
        assert not orphan.exists()

    def test_a_worker_that_always_finds_work_sweeps_too(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        done: list[str] = []
        worker = tasks.Worker(app, replace(WORK, sweep=lambda: done.append("sweep")))

        def read() -> int:
            done.append("read")
            if len(done) > 5:
                worker._stopping.set()
            return 1

        monkeypatch.setattr(worker, "_read_offered", read)
        worker._serve(is_sweeping=True)
        assert done.count("sweep") == 1

    def test_images_past_their_retention_go(self, app: Flask) -> None:
        app.config["RETENTION_DAYS"] = 30
        old, fresh = intake.receive(png(1), ONE).image_id, intake.receive(png(2), ONE).image_id
        images.find(old).created_at = now() - timedelta(days=31)
        db.session.commit()
        housekeeping.sweep()
        assert [row.id for row in db.session.query(Image)] == [fresh]


@pytest.mark.parametrize("text", ["", "x", "../../etc", "A" * 32, "0" * 33])
@pytest.mark.usefixtures("app")
def test_what_is_no_id_names_no_image(text: str) -> None:
    with pytest.raises(images.UnknownImage):
        images.find(text)


@pytest.mark.parametrize(
    ("sides", "takes_turns"), [([2100], True), ([530] * 16, False), ([530] * 32, False), ([1900] * 3, True)]
)
def test_only_batches_of_large_or_very_many_pictures_take_turns(sides: list[int], takes_turns: bool) -> None:
    pictures = [Picture(np.zeros((side, side), np.uint8), "png") for side in sides]
    with analysis._room(pictures):
        assert large_pictures.is_taken() == takes_turns
    assert not large_pictures.is_taken()
