"""The networks in their order: segment, classify, explain, measure. Pixels in, Findings out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.inference import contract
from app.inference import manifest as manifests
from app.inference.classify import Classified, classify
from app.inference.explain import heat_map, share_in_lesion
from app.inference.manifest import Manifest, ModelUnusable
from app.inference.results import Findings
from app.inference.segment import Segmented, segment
from app.inference.sessions import NetworkSession
from app.inference.stopwatch import Stopwatch
from imaging.measure import measure
from imaging.picture import Picture
from imaging.scaling import enlarged_heat, enlarged_mask, in_pixels_of, reduced

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Loaded:
    manifest: Manifest
    segmentation: NetworkSession
    classification: NetworkSession


class Engine:
    """Both networks, opened at first use and shared by all threads of the process.

    Args:
        folder: holds manifest.json and the exported networks.
        provider: auto, cuda or cpu.
        threads: threads of one inference on the CPU; 0 takes the usable cores.
        recalibrated: folder of manifests that were fitted to local pictures; the newest counts.
        is_gpu_hung: the GPU let a reading hang before, so it is left alone.
    """

    def __init__(
        self,
        folder: Path,
        provider: str = "auto",
        threads: int = 0,
        recalibrated: Path | None = None,
        is_gpu_hung: bool = False,
    ) -> None:
        self._folder, self._wanted, self._threads, self._recalibrated = folder, provider, threads, recalibrated
        self._loaded: _Loaded | None = None
        self._is_gpu_hung = is_gpu_hung
        self.gpu_failures = int(is_gpu_hung)  # batches that were answered on the CPU because the GPU failed
        self._lock = threading.Lock()

    @property
    def manifest(self) -> Manifest:
        """Raises: ModelUnusable."""
        return self._loaded.manifest if self._loaded else manifests.read(self._folder, self._recalibrated)

    @property
    def provider(self) -> str | None:
        """ "CUDA" or "CPU" once the networks are open, else None."""
        return self._loaded.segmentation.provider if self._loaded else None

    def read(self, pictures: Sequence[Picture]) -> list[Findings]:
        """Read pictures, in one batch.

        Raises:
            ModelUnusable: the networks are missing or damaged.
        """
        with self._lock:  # one batch at a time: two would fight for the same cores, or the same GPU memory
            try:
                return _read(self._open(self._wanted), pictures)
            except Exception as error:
                if self.provider != "CUDA" or self._wanted == "cuda":
                    raise
                return self._read_on_cpu(pictures, error)

    def warm_up(self) -> None:
        """Open the networks and run one black picture, so that the first real one does not wait.

        Raises:
            ModelUnusable: the networks are missing or damaged.
        """
        self.read([Picture(np.zeros((64, 64), dtype=np.uint8), "png")])

    def _open(self, provider: str) -> _Loaded:
        if self._is_gpu_hung and provider == "cuda":
            raise ModelUnusable("gpu_hung", "The GPU stopped answering. Restart the server to try it again.")
        if self._loaded is None:
            provider = "cpu" if self._is_gpu_hung else provider
            manifest = manifests.read(self._folder, self._recalibrated)
            segmentation = NetworkSession(manifest.segmentation, provider, self._threads)
            classification = NetworkSession(manifest.classification, provider, self._threads)
            contract.check(segmentation, classification)
            self._loaded = _Loaded(manifest, segmentation, classification)
        return self._loaded

    def _read_on_cpu(self, pictures: Sequence[Picture], error: Exception) -> list[Findings]:
        """A GPU session may stay broken after running out of memory: answer on the CPU, reopen the GPU next time."""
        log.error("GPU inference failed, answered on the CPU", extra={"error": type(error).__name__})
        self._loaded = None
        self.gpu_failures += 1
        try:
            return _read(self._open("cpu"), pictures)
        finally:
            self._loaded = None


def _read(loaded: _Loaded, pictures: Sequence[Picture]) -> list[Findings]:
    watch = Stopwatch()
    small = [reduced(picture) for picture in pictures]
    with watch.stage("segment"):
        found = segment(loaded.segmentation, loaded.manifest, small)
    with watch.stage("classify"):
        judged = classify(loaded.classification, loaded.manifest, found)
    shared = {name: round(value / len(pictures), 2) for name, value in watch.milliseconds.items()}
    return [
        _findings(loaded, picture, item, verdict, shared)
        for picture, item, verdict in zip(pictures, found, judged, strict=True)
    ]


def _findings(
    loaded: _Loaded, picture: Picture, item: Segmented, judged: Classified, shared: dict[str, float]
) -> Findings:
    watch, small, manifest = Stopwatch(), item.picture, loaded.manifest
    is_cleared = judged.probabilities.normal >= manifest.normal_limit
    mask = np.zeros_like(item.mask) if is_cleared else item.mask
    with watch.stage("explain"):
        heat = heat_map(item, judged, manifest.scaling.unet_weight)
    with watch.stage("measure"):
        lesion = measure(small.pixels, mask, small.spacing)
    return Findings(
        mask=enlarged_mask(mask, picture),
        heat=enlarged_heat(heat, picture),
        lesion=in_pixels_of(lesion, small, picture),
        probabilities=judged.probabilities,
        plausible=judged.plausible,
        novelty=judged.novelty,
        novelty_limit=manifest.novelty_limit,
        heat_in_lesion=share_in_lesion(heat, mask),
        milliseconds={**shared, **watch.milliseconds},
        provider=loaded.segmentation.provider,
        precision="fp32",
        models={network.name: network.version for network in (manifest.segmentation, manifest.classification)},
        models_version=manifest.version,
        notices=picture.notices,
    )
