"""`kill -9` with pictures waiting: whatever was acknowledged ends, exactly once."""

from __future__ import annotations

import io
import json
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging.phantom import speckle
from tests.factories.networks import write_tiny_networks
from tests.factories.server import Server

pytestmark = pytest.mark.slow

ENDED = {"done", "declined", "failed"}


def picture(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(speckle(seed, "oval", height=200, width=240)).save(buffer, "PNG")
    return buffer.getvalue()


def ended(server: Server, image_id: str) -> str:
    for _ in range(600):
        status, body = server.get(f"/api/v1/studies/{image_id}")
        if status == 200 and json.loads(body)["status"] in ENDED:
            return str(json.loads(body)["status"])
        time.sleep(0.1)
    return "never ended"


def test_every_acknowledged_upload_ends_exactly_once_after_repeated_kills(tmp_path: Path) -> None:
    models = write_tiny_networks(tmp_path / "models")
    server = Server(tmp_path / "data", models, WAIT_S="0")
    acknowledged: list[str] = []
    for round_number in range(3):
        server.start()
        threads = [
            threading.Thread(target=_send, args=(server, round_number * 100 + number, acknowledged))
            for number in range(12)
        ]
        for thread in threads:
            thread.start()
        _wait_for(acknowledged, len(acknowledged) + 1 + 2 * round_number)  # somewhere in the middle of the uploads
        server.kill()
        for thread in threads:
            thread.join()
    server.start()
    try:
        assert len(acknowledged) >= 9, "too few uploads were acknowledged before the kills to prove anything"
        # the rows, not only the acknowledged ones: a kill may come after the row is stored and before it is told
        assert {ended(server, image_id) for image_id in {*acknowledged, *_stored(tmp_path / "data")}} <= ENDED
    finally:
        server.stop()
    _check_database(tmp_path / "data", acknowledged)


def _stored(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / "sonotriage.db")) as database:
        return [row[0] for row in database.execute("SELECT id FROM image")]


def _wait_for(acknowledged: list[str], count: int) -> None:
    deadline = time.monotonic() + 30
    while len(acknowledged) < count and time.monotonic() < deadline:
        time.sleep(0.005)


def _send(server: Server, seed: int, acknowledged: list[str]) -> None:
    status, image = server.upload(picture(seed), **{"Idempotency-Key": f"key-{seed}"})
    if status in (200, 201, 202):
        acknowledged.append(image["id"])


def _check_database(data: Path, acknowledged: list[str]) -> None:
    with closing(sqlite3.connect(data / "sonotriage.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = database.execute("SELECT id, status, picture_sha256 FROM image").fetchall()
        analyses = dict(database.execute("SELECT image_id, COUNT(*) FROM analysis GROUP BY image_id").fetchall())
    by_id = {row[0]: row for row in rows}
    assert set(acknowledged) <= set(by_id)
    for image_id, status, key in rows:
        assert status in ENDED
        assert analyses.get(image_id, 0) == (1 if status == "done" else 0)
        kept = data / "pictures" / key[:2] / f"{key}.png"
        assert np.asarray(Image.open(kept)).ndim == 2
