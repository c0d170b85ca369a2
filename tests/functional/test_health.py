"""What the machines that watch the server are told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.inference.pipeline import Engine
from app.upkeep import readiness
from app.web.extensions import db
from tests.factories.networks import write_tiny_networks

MakeApp = Callable[..., Flask]


def test_a_running_process_is_alive(client: FlaskClient) -> None:
    assert client.get("/health/live").json == {"status": "alive"}


def test_ready_means_that_a_picture_was_really_read(client: FlaskClient) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["code"]) == ("ready", "ok")
    networks = answer.json["checks"]["networks"]
    assert (networks["provider"], networks["version"]) == ("CPU", "0.0.1")
    assert networks["milliseconds"] > 0


def test_a_young_inference_is_believed_and_an_old_one_repeated(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = app.extensions["sonotriage"].engine
    calls: list[int] = []
    read = engine.read
    monkeypatch.setattr(engine, "read", lambda pictures: calls.append(1) or read(pictures))
    client.get("/health/ready")
    client.get("/health/ready")
    assert len(calls) == 1
    monkeypatch.setattr(readiness, "INFERENCE_AGE_S", -1.0)
    client.get("/health/ready")
    assert len(calls) == 2


def test_a_gpu_whose_engines_are_being_built_is_not_ready_yet(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "is_building", property(lambda _: True))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["code"]) == (503, "networks_building")


def test_a_network_with_one_flipped_byte_is_never_used(make_app: MakeApp, tmp_path: Path) -> None:
    models = write_tiny_networks(tmp_path / "models")
    content = bytearray((models / "unet.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (models / "unet.onnx").write_bytes(content)
    answer = make_app(MODELS_DIR=models).test_client().get("/health/ready")
    assert (answer.status_code, answer.json["code"]) == (503, "model_bad")
    assert "unet.onnx" in answer.json["checks"]["networks"]["sentence"]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda models: (models / "unet.onnx").unlink(), "model_missing"),
        (lambda models: shutil.rmtree(models), "model_missing"),
        (lambda models: (models / "manifest.json").write_text("{"), "model_bad"),
        (lambda models: (models / "manifest.json").write_text(json.dumps({"version": 1})), "model_bad"),
    ],
)
def test_unusable_networks_are_named(
    make_app: MakeApp, tmp_path: Path, damage: Callable[[Path], object], code: str
) -> None:
    models = write_tiny_networks(tmp_path / "models")
    damage(models)
    client = make_app(MODELS_DIR=models).test_client()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["code"], answer.json["status"]) == (503, code, "not_ready")
    assert client.get("/health/live").status_code == 200


def test_an_inference_that_fails_is_not_ready(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_pictures: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(app.extensions["sonotriage"].engine, "read", fail)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["code"]) == (503, "inference_failed")
    assert "broken" not in answer.text


def test_a_database_without_tables_is_not_ready(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        db.drop_all()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["checks"]["database"]["code"]) == (503, "database_bad")


def test_a_locked_database_is_not_ready(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.database.BUSY_TIMEOUT_MS", 10)
    with app.app_context():
        db.engine.dispose()
        with db.engine.connect().execution_options(is_writing=True) as other:
            other.execute(text("SELECT 1"))
            answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["code"]) == (503, "database_bad")


def test_a_store_that_can_t_be_written_is_not_ready(app: Flask, client: FlaskClient) -> None:
    root = app.extensions["sonotriage"].store.root
    shutil.rmtree(root, ignore_errors=True)
    root.write_text("a file where the folder should be")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["checks"]["store"]["code"]) == (503, "store_bad")


def test_the_probe_of_the_store_leaves_nothing_behind(app: Flask, client: FlaskClient) -> None:
    client.get("/health/ready")
    assert list(app.extensions["sonotriage"].store.root.iterdir()) == []


def test_figures_count_uploads_refusals_analyses_and_requests(client: FlaskClient, scan: Callable[..., bytes]) -> None:
    before = figures(client)
    boundary = "multipart/form-data; boundary=x"
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    client.post("/api/v1/studies", data=part + scan() + b"\r\n--x--\r\n", content_type=boundary)
    client.post("/api/v1/studies", data=part + b"hello\r\n--x--\r\n", content_type=boundary)
    after = figures(client)

    def grown(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    assert grown("sonotriage_uploads_total") == 1
    assert grown('sonotriage_refusals_total{code="not_an_image"}') == 1
    assert sum(grown(name) for name in after if name.startswith("sonotriage_analyses_total")) == 1
    assert grown('sonotriage_stage_seconds_count{stage="segment"}') == 1
    route = 'method="POST",route="/api/v1/studies",status="{}"'
    assert grown("sonotriage_request_seconds_count{" + route.format(201) + "}") == 1
    assert grown("sonotriage_request_seconds_count{" + route.format(415) + "}") == 1
    assert after["sonotriage_queue_length"] == 0


def figures(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}
