"""Large pictures take turns, so that memory does not grow with how many come at once."""

import fcntl
import hashlib
import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import numpy as np
import pytest

from app.reading import intake
from app.reading.intake import Actor, DecoderBusy
from app.tables import Image
from app.web.extensions import db
from app.workers import decoding, memory, tasks
from app.workers.decoding import Child
from app.workers.services import services
from app.workers.turns import Turns
from imaging.files.decoder_process import LARGE_PIXELS
from tests.factories import pictures

SIDE = 3000
MOST = 25_000_000


@pytest.fixture
def shared():
    """A file that a pool's children share."""
    with tempfile.TemporaryFile() as file:
        yield file


@pytest.fixture
def child(shared):
    child = Child(shared.fileno())
    yield child
    child.end()


def test_a_large_picture_waits_while_another_is_decoded(shared, child):
    large = pictures.encoded(np.full((SIDE, SIDE), 90, np.uint8))
    assert SIDE * SIDE > LARGE_PIXELS
    assert child.ask(pictures.encoded(pictures.ultrasound()), MOST, None, 20)[0]["width"] == 180
    with ThreadPoolExecutor(1) as pool:
        fcntl.lockf(shared, fcntl.LOCK_EX)
        asked = pool.submit(child.ask, large, MOST, None, 20)
        with pytest.raises(StillWaiting):
            asked.result(timeout=1.0)
        fcntl.lockf(shared, fcntl.LOCK_UN)
        header, pixels = asked.result(timeout=20)
    assert (header["width"], len(pixels)) == (SIDE, SIDE * SIDE)
    fcntl.lockf(shared, fcntl.LOCK_EX | fcntl.LOCK_NB)  # and it has let go of it


def test_a_small_picture_never_waits(shared, child):
    fcntl.lockf(shared, fcntl.LOCK_EX)
    assert child.ask(pictures.encoded(pictures.ultrasound()), MOST, None, 20)[0]["width"] == 180


def test_too_many_pixels_are_refused_as_before(child):
    header, _ = child.ask(pictures.encoded(np.zeros((SIDE, SIDE), np.uint8)), LARGE_PIXELS + 1, None, 20)
    assert header["refused"]["code"] == "too_many_pixels"
    assert "8 megapixels" in header["refused"]["sentence"]


def test_a_batch_holds_one_large_picture_or_several_small_ones(app):
    with app.app_context():
        for number in range(6):
            side = 5000 if number < 2 else 1000
            db.session.add(Image(id=f"{number}", owner="o", content_sha256=f"{number}", picture_sha256="p", kind="png",
                                 height=side, width=side))  # fmt: skip
            db.session.commit()
        assert [list(tasks.lease(4, 60)) for _ in range(4)] == [["0"], ["1"], ["2", "3", "4", "5"], []]


def test_an_upload_beyond_those_under_way_is_refused_and_told_to_come_back(app, client, scan, monkeypatch):
    monkeypatch.setattr(intake, "_turns", Turns(1))
    monkeypatch.setattr(intake, "LONGEST_WAIT_S", 0.01)
    with app.app_context():
        with intake._turn(Actor("o" * 64, "visitor")), pytest.raises(DecoderBusy):
            intake.receive(scan(), Actor("o" * 64, "visitor"))
        services().decoder.timeout_s = 20
        assert db.session.query(Image).count() == 0
        with intake._turn(Actor("o" * 64, "visitor")):
            answer = client.post("/api/v1/studies", data={"file": (io.BytesIO(scan()), "a.png")})
    assert (answer.status_code, answer.json["code"]) == (503, "decoder_busy")
    assert int(answer.headers["Retry-After"]) > 0


def test_an_upload_that_no_decoder_can_be_started_for_is_told_to_come_back(app, scan, monkeypatch):
    monkeypatch.setattr(decoding, "_COMMAND", ("/nonexistent/python",))
    with app.app_context(), pytest.raises(DecoderBusy):
        intake.receive(scan(), Actor("o" * 64, "visitor"))


def test_the_c_library_is_told_to_give_large_blocks_back():
    assert memory.keep_little()


def test_a_file_has_the_hash_of_its_bytes_and_can_be_read_again():
    content = bytes(range(256)) * 9000
    file = io.BytesIO(content)
    file.seek(7)
    assert intake.sha256_of(file) == intake.sha256_of(content) == hashlib.sha256(content).hexdigest()
    assert file.read() == content
