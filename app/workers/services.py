"""The parts that live as long as the process, found by name: picture store, decoder, engine, worker."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from app.inference.pipeline import Engine
from app.store.pictures import PictureStore
from app.workers.decoding import Decoder
from app.workers.queue_room import QueueRoom
from app.workers.tasks import Worker

GPU_HUNG = "gpu_hung"  # file below DATA_DIR: a reading on the GPU hung (app/workers/watchdog.py)
ENGINES = "engines"  # folder below DATA_DIR: what TensorRT built; may be removed at any time
RECALIBRATED = "recalibrated"  # folder below DATA_DIR, so that it stays when the program is updated


@dataclass(frozen=True)
class Services:
    """`engine` opens its sessions lazily, after fork; `worker` starts with the first use or by gunicorn's hook."""

    store: PictureStore
    decoder: Decoder
    engine: Engine
    worker: Worker
    room: QueueRoom


def services() -> Services:
    """The services of the current application."""
    found: Services = current_app.extensions["sonotriage"]
    return found
