"""Files that take too long count against whoever sends them; others are not held up."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.reading import intake, pauses
from app.reading.intake import Actor, DecoderBusy, SenderPaused
from app.workers.decoding import Decoder, TookTooLong
from imaging.errors import RefusedUpload
from imaging.picture import Picture

SLOW, OTHER = Actor("1" * 64, "api", payer="192.0.2.7"), Actor("2" * 64, "api", payer="192.0.2.8")
Scan = Callable[..., bytes]


@pytest.fixture
def product(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A server whose decoder takes too long over every file that begins with "slow"."""
    decode = Decoder.decode

    def decoded(self: Decoder, content: bytes, frame: int | None = None) -> Picture:
        if content.startswith(b"slow"):
            raise TookTooLong
        return decode(self, content, frame)

    monkeypatch.setattr(Decoder, "decode", decoded)
    return make_app()


def send_slow(actor: Actor, times: int) -> None:
    for number in range(times):
        with pytest.raises(TookTooLong):
            intake.receive(b"slow %d" % number, actor)


def test_after_a_few_a_sender_has_to_pause_and_others_go_on(product: Flask, scan: Scan) -> None:
    with product.test_request_context():
        send_slow(SLOW, pauses.MOST)
        with pytest.raises(SenderPaused) as refusal:
            intake.receive(scan(1), SLOW)
        assert (refusal.value.status, refusal.value.code) == (429, "sender_paused")
        assert 0 < refusal.value.retry_after_s <= 600
        assert "for 10 minutes." in refusal.value.sentence
        assert intake.receive(scan(1), OTHER).is_new


def test_fewer_change_nothing_for_the_next_picture(product: Flask, scan: Scan) -> None:
    with product.test_request_context():
        send_slow(SLOW, pauses.MOST - 1)
        assert intake.receive(scan(1), SLOW).is_new


def test_a_damaged_file_is_no_slow_one(product: Flask, scan: Scan) -> None:
    with product.test_request_context():
        for number in range(pauses.MOST + 1):
            with pytest.raises(RefusedUpload):
                intake.receive(b"no picture %d" % number, SLOW)
        assert not pauses.is_suspect(SLOW.payer)
        assert intake.receive(scan(1), SLOW).is_new


def test_of_senders_of_slow_files_one_is_read_at_a_time(product: Flask, scan: Scan) -> None:
    with product.test_request_context():
        send_slow(SLOW, 1)
        with intake._turn(SLOW):
            with pytest.raises(DecoderBusy):
                intake.receive(scan(1), SLOW)
            assert intake.receive(scan(1), OTHER).is_new
        assert intake.receive(scan(2), SLOW).is_new


@pytest.mark.parametrize(
    ("address", "same", "other"),
    [("192.0.2.7", "192.0.2.7", "192.0.2.8"), ("2001:db8::1", "2001:db8::2", "2001:db8:1::1")],
)
def test_a_program_is_known_by_its_network(product: Flask, scan: Scan, address: str, same: str, other: str) -> None:
    client = product.test_client()

    def sent(content: bytes, source: str) -> int:
        data = {"file": (io.BytesIO(content), "a.png")}
        return client.post("/api/v1/studies", data=data, environ_base={"REMOTE_ADDR": source}).status_code

    assert [sent(b"slow %d" % number, address) for number in range(4)] == [422, 422, 422, 429]
    assert sent(scan(1), same) == 429
    assert sent(scan(1), other) == 201


def test_a_browser_is_told_in_a_sentence(product: Flask, scan: Scan) -> None:
    product.config["WTF_CSRF_ENABLED"] = False
    client: FlaskClient = product.test_client()
    for number in range(pauses.MOST):
        client.post("/", data={"picture": (io.BytesIO(b"slow %d" % number), "a.png")})
    answer = client.post("/", data={"picture": (io.BytesIO(scan(1)), "a.png")})
    assert answer.status_code == 429
    assert "took too long to be read" in answer.text
    assert int(answer.headers["Retry-After"]) > 0
