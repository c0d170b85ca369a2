"""Puts the services of an application together: the only place that knows both who works and what is worked on."""

from __future__ import annotations

from flask import Flask

from app.inference.gpu import GpuOptions
from app.inference.pipeline import Engine
from app.reading import analysis
from app.store.pictures import PictureStore
from app.upkeep import housekeeping
from app.workers.decoding import Decoder
from app.workers.queue_room import QueueRoom
from app.workers.services import ENGINES, GPU_HUNG, RECALIBRATED, Services
from app.workers.tasks import Work, Worker

WORK = Work(analysis.analyse, analysis.analyse_early, housekeeping.sweep)


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
        decoder=Decoder(
            settings["MAX_MEGAPIXELS"] * 1_000_000, settings["DECODE_TIMEOUT_S"], sandbox=settings["SANDBOX"]
        ),
        engine=engine,
        worker=Worker(app, WORK),
        room=QueueRoom(),
    )
