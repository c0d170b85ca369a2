"""The parts that live as long as the process: picture store, decoder, engine, worker. Made once, found by name."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app

from app.inference.gpu import GpuOptions
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


def bind(app: Flask) -> None:
    """Make the services of an application."""
    settings = app.config
    recalibrated = settings["DATA_DIR"] / RECALIBRATED
    engine = Engine(
        settings["MODELS_DIR"], settings["PROVIDER"], settings["INFERENCE_THREADS"], recalibrated,
        is_gpu_hung=(settings["DATA_DIR"] / GPU_HUNG).exists(), is_one_graph=settings["ONE_GRAPH"],
        precision=settings["PRECISION"],
        gpu_options=GpuOptions(
            settings["GPU_MEMORY_MB"] * 1_000_000, settings["CUDA_GRAPHS"], settings["DATA_DIR"] / ENGINES,
            settings["BATCH_SIZE"],
        ),
    )  # fmt: skip
    app.extensions["sonotriage"] = Services(
        store=PictureStore(settings["DATA_DIR"] / "pictures"),
        decoder=Decoder(settings["MAX_MEGAPIXELS"] * 1_000_000, settings["DECODE_TIMEOUT_S"]),
        engine=engine,
        worker=Worker(app),
        room=QueueRoom(),
    )


def services() -> Services:
    """The services of the current application."""
    found: Services = current_app.extensions["sonotriage"]
    return found
