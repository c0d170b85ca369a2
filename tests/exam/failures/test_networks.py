"""Damaged networks and missing GPUs: F17, F19, F20, F21."""

from __future__ import annotations

import hashlib
import html
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.inference import sessions
from app.inference.pipeline import Engine
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.exam.conftest import Launch
from tests.exam.faults import Sender, until
from tests.exam.fuzzing.oracle import examine, json_of, waiting_ids
from tests.exam.marks import exam
from tests.exam.senders.person import Person
from tests.factories.networks import write_tiny_networks
from tests.factories.server import Server
from tests.unit.app.inference.test_faults import Graphic

Seen = Callable[[str], None]


def damage(models: Path, kind: str) -> None:
    """Do to the U-Net's file what disks and people do."""
    path = models / "unet.onnx"
    content = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "one bit flipped":
        path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    else:  # the wrong shape: the other network's file, with a manifest that vouches for it
        wrong = (models / "classifier.onnx").read_bytes()
        path.write_bytes(wrong)
        manifest = json.loads((models / "manifest.json").read_text())
        manifest["networks"]["segmentation"]["sha256"] = hashlib.sha256(wrong).hexdigest()
        (models / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "kind",
    [
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("missing", "truncated", "wrong shape")),
        "one bit flipped",
    ],
)
@exam("F17", given="The file of a network is missing, cut, changed in one bit, or of another network",
      expected="`/health/ready` answers 503 `model_bad` or `model_missing`; pages work; uploads wait and are never "
               "answered wrongly; they are read once it is mended, without a restart")  # fmt: skip
def test_a_damaged_network_answers_nothing(launch: Launch, tmp_path: Path, seen: Seen, kind: str) -> None:
    models = write_tiny_networks(tmp_path / "networks")
    server = launch(models=models, WAIT_S="0").start()
    server.stop()
    shutil.copytree(models, tmp_path / "whole")
    damage(models, kind)
    status, body = started_unready(server)
    pages = [server.get(path)[0] for path in ("/", "/about", "/clinics")]
    sender = Sender(server)
    for number in range(3):
        sender.insist(number)
    until(lambda: "networks unusable" in server.log.read_text(encoding="utf-8"))
    states = {json_of(server, f"/api/v1/studies/{one}")["status"] for one in sender.acknowledged.values()}
    for path in (tmp_path / "whole").iterdir():
        shutil.copyfile(path, models / path.name)
    verdict = examine(server, sender.acknowledged.values())
    code = json.loads(body)["code"]
    assert (status, code) == (503, "model_missing" if kind == "missing" else "model_bad")
    assert pages == [200] * len(pages)
    assert states <= {"queued", "running"}
    assert (verdict.faults, verdict.states) == ([], {"done": 3})
    seen(f"{kind}: {status} {code}, pages {set(pages)}, uploads {states}; mended: {verdict}")


def started_unready(server: Server) -> tuple[int, bytes]:
    """Start a server that can't become ready; what `/health/ready` answers as soon as it answers anything."""
    with pytest.raises(AssertionError, match="not ready after"):
        server.start(timeout_s=0)
    until(lambda: server.get("/health/live")[0] == 200)
    return server.get("/health/ready")


def said_of(server: Server) -> tuple[str, str, str]:
    """What `/health/ready`, the row and the page say a picture was read on."""
    sender = Sender(server)
    sender.insist(0)
    examine(server, sender.acknowledged.values())
    image_id = sender.acknowledged[0]
    page = html.unescape(Person(server).get(f"/r/{image_id}")[2])
    ready = json_of(server, "/health/ready")["checks"]["networks"]["provider"]
    word = "processor (CPU)" if "processor (CPU)" in page else "CPU" if "CPU" in page else "nothing"
    return ready, json_of(server, f"/api/v1/studies/{image_id}")["provider"], word


@exam("F19", given="PROVIDER=auto without a GPU", expected="it runs on the CPU; health, row and page say so")
def test_without_a_gpu_the_cpu_is_used_and_named(launch: Launch, seen: Seen) -> None:
    said = said_of(launch(PROVIDER="auto").start())
    assert said[:2] == ("CPU", "CPU")
    assert "CPU" in said[2]
    seen(f"ready, row and page: {', '.join(said)}")


@exam("F19", given="A driver is there, CUDA's and cuDNN's libraries are not",
      expected="it runs on the CPU; health, row and page say so")  # fmt: skip
def test_without_the_libraries_the_cpu_is_used_and_named(launch: Launch, tmp_path: Path, seen: Seen) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here")
    # A device file of NVIDIA's driver, seen by this server alone: /dev is overlaid in mounts of its own.
    script = (
        f"mkdir -p {tmp_path}/over {tmp_path}/work && "
        f"mount -t overlay overlay -o lowerdir=/dev,upperdir={tmp_path}/over,workdir={tmp_path}/work /dev && "
        'touch /dev/nvidiactl && exec "$@"'
    )
    wrapper = ("unshare", "--mount", "sh", "-c", script, "sh")
    if subprocess.run([*wrapper, "test", "-e", "/dev/nvidiactl"], capture_output=True).returncode != 0:
        pytest.skip("mounts of its own are not permitted here")
    server = launch(PROVIDER="auto")
    server.wrapper = wrapper
    said = said_of(server.start())
    assert said[:2] == ("CPU", "CPU")
    seen(f"with /dev/nvidiactl and without libcudart: ready, row and page: {', '.join(said)}")


@exam("F19", given="PROVIDER=cuda on a machine without a GPU", expected="503 `gpu_missing`; uploads wait")
def test_a_gpu_that_was_asked_for_and_is_missing_is_told(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here")
    server = launch(models=tiny_models, PROVIDER="cuda", WAIT_S="0")
    status, body = started_unready(server)
    sender = Sender(server)
    sender.insist(0)
    assert (status, json.loads(body)["code"]) == (503, "gpu_missing")
    assert waiting_ids(server, "queued") + waiting_ids(server, "running") == [sender.acknowledged[0]]
    seen(f"{status} gpu_missing; the upload waits")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param("F20", "CUDA failure 2: out of memory", marks=exam(
            "F20", given="The GPU runs out of memory during an inference",
            expected="that picture is read on the CPU, the next one on the GPU again; it is counted")),
        pytest.param("F21", "CUDA failure 79: GPU is lost", marks=exam(
            "F21", given="The GPU is lost during an inference (an error is raised)",
            expected="that picture is read on the CPU with the same answer")),
    ],
)  # fmt: skip
def test_a_gpu_that_fails_leaves_the_cpu(
    tiny_models: Path, monkeypatch: pytest.MonkeyPatch, seen: Seen, row: str, message: str
) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", Graphic)
    monkeypatch.setattr(sessions, "_wanted", lambda name, *_: [sessions.CPU] if name == "cpu" else [sessions.CUDA])
    monkeypatch.setattr(Graphic, "fault", None)
    engine, picture = Engine(tiny_models, "auto"), Picture(speckle(1, "oval", 96, 96), "png")
    found: list[Any] = engine.read([picture])
    monkeypatch.setattr(Graphic, "fault", RuntimeError(message))
    found += engine.read([picture])
    monkeypatch.setattr(Graphic, "fault", None)
    found += engine.read([picture])
    assert [one.provider for one in found] == ["CUDA", "CPU", "CUDA"]
    assert found[0].probabilities == found[1].probabilities
    assert engine.gpu_failures == 1
    seen(f"no GPU was there: a session that raises '{message}' in the engine; read on CUDA, CPU, CUDA; counted once")
