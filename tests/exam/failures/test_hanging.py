"""Readings that never end (F21): the process that hangs is exchanged, and a GPU that hung is left alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store import failpoints
from tests.exam.conftest import Launch
from tests.exam.faults import Sender, armed, is_alive, until
from tests.exam.footprint import worker_of
from tests.exam.fuzzing.oracle import examine, json_of, waiting_ids
from tests.exam.marks import exam
from tests.exam.senders import browser_client
from tests.exam.senders.person import Person
from tests.factories.server import Server

Seen = Callable[[str], None]
LIMIT_S = 10  # opening the networks on a busy machine is in it


def told(server: Server) -> list[dict[str, object]]:
    """The log's lines about readings that hung."""
    lines = (json.loads(line) for line in server.log.read_text(encoding="utf-8").splitlines() if line.startswith("{"))
    return [line for line in lines if "a reading hangs" in line["message"]]


@pytest.mark.parametrize("hangs", [1, pytest.param(10, marks=pytest.mark.long)])
@exam(
    "F21",
    given="A reading hangs: every process of the server reads once, and waits for ever the second time",
    expected="after INFERENCE_TIMEOUT_S the process ends, the next one goes on; each picture has one result",
)
def test_a_reading_that_hangs_is_ended_and_done_again(
    launch: Launch, tiny_models: Path, seen: Seen, hangs: int
) -> None:
    server = launch(models=tiny_models, WAIT_S="0", BATCH_SIZE="1", INFERENCE_TIMEOUT_S=str(LIMIT_S))
    armed(server, f"{failpoints.INFERENCE}:2:600")
    sender, worker, away_s = Sender(server), worker_of(server), 0.0
    for number in range(hangs + 1):
        sender.insist(number)
    while waiting_ids(server, "queued") or waiting_ids(server, "running"):
        started = time.monotonic()
        until(lambda: is_alive(server))
        away_s = max(away_s, time.monotonic() - started)
        time.sleep(0.2)
    verdict = examine(server, sender.acknowledged.values())
    lines = told(server)
    assert (sender.faults, verdict.faults) == ([], [])
    assert verdict.states == {"done": hangs + 1}
    assert worker_of(server) != worker
    assert len(lines) >= hangs
    assert all(line["images"] and line["stacks"] for line in lines)
    assert not any(image_id in server.log.read_text() for image_id in sender.acknowledged.values())
    seen(f"{len(lines)} hung, each ended after {LIMIT_S} s; no answer for {away_s:.1f} s at most; {verdict}")


@pytest.mark.long
@exam(
    "F21",
    given="The GPU hangs during an inference (PROVIDER=auto): no error, no answer",
    expected="the process ends, the next one reads on the CPU and says so; a start anew tries the GPU again",
)
def test_a_gpu_that_hangs_leaves_the_cpu(launch: Launch, tiny_models: Path, tmp_path: Path, seen: Seen) -> None:
    server, hangs = with_gpu(launch, tiny_models, tmp_path, "auto")
    server.start()
    browser_client.admin(server, "ada")
    sender, providers = Sender(server), list[str]()
    for number in range(3):
        if number == 1:
            hangs.touch()
        sender.insist(number)
        until(lambda: not waiting_ids(server, "queued") and not waiting_ids(server, "running"))
        providers.append(provider_of(server, sender.acknowledged[number]))
    person = Person(server)
    assert person.fill_in("/login", name="ada", password=browser_client.PASSWORD)[0] == 302
    page = person.get("/admin/system")[2]
    server.stop()
    hangs.unlink()
    server.start()
    sender.insist(3)
    verdict = examine(server, sender.acknowledged.values())
    providers.append(provider_of(server, sender.acknowledged[3]))
    assert providers == ["CUDA", "CPU", "CPU", "CUDA"]
    assert len(told(server)) == 1
    assert "Readings that the GPU failed at since the start: 1." in page
    assert verdict.faults == []
    seen(f"no GPU was there: a session that says CUDA and hangs; read on {', '.join(providers)}; {verdict}")


@pytest.mark.long
@exam("F21", given="The GPU hangs during an inference (PROVIDER=cuda)",
      expected="503 `gpu_hung`; uploads wait, and are read when the server is started anew")  # fmt: skip
def test_pictures_wait_for_a_gpu_that_must_be_used(
    launch: Launch, tiny_models: Path, tmp_path: Path, seen: Seen
) -> None:
    server, hangs = with_gpu(launch, tiny_models, tmp_path, "cuda")
    server.start()
    hangs.touch()
    sender = Sender(server)
    sender.insist(0)
    until(lambda: json_of(server, "/health/ready").get("code") == "gpu_hung", pause_s=0.5)
    for number in range(1, 4):
        sender.insist(number)
    until(lambda: "networks unusable" in server.log.read_text(encoding="utf-8"))
    waiting = len(waiting_ids(server, "queued") + waiting_ids(server, "running"))
    server.stop()
    hangs.unlink()
    verdict = examine(server.start(), sender.acknowledged.values())
    assert (sender.faults, verdict.faults, waiting) == ([], [], 4)
    assert verdict.states == {"done": 4}
    seen(f"503 gpu_hung, {waiting} waited; started anew: {verdict}")


def with_gpu(launch: Launch, models: Path, folder: Path, provider: str) -> tuple[Server, Path]:
    """A server that takes its sessions for a GPU's, and the file that makes them hang; not yet started."""
    hangs = folder / "hangs"
    server = launch(
        models=models, PROVIDER=provider, WAIT_S="0", INFERENCE_TIMEOUT_S=str(LIMIT_S), EXAM_GPU_HANGS=str(hangs),
        PYTHONPATH=str(Path(__file__).parent / "hanging_gpu"),
    )  # fmt: skip
    return server, hangs


def provider_of(server: Server, image_id: str) -> str:
    return str(json_of(server, f"/api/v1/studies/{image_id}")["provider"])
