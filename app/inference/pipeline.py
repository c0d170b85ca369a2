"""The networks in their order: segment, classify, explain, measure. Pixels in, Findings out."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.inference import contract, gpu, layout, whole
from app.inference import manifest as manifests
from app.inference.classify import Classified, classify
from app.inference.explain import heat_map, share_in_lesion
from app.inference.gpu import GpuOptions
from app.inference.layout import Layout
from app.inference.manifest import Manifest, ModelUnusable, Network
from app.inference.results import Findings
from app.inference.segment import Segmented, segment
from app.inference.sessions import NetworkSession, usable_cores
from app.inference.stopwatch import Stopwatch
from imaging.measures.measure import measure
from imaging.measures.scaling import enlarged_heat, enlarged_mask, in_pixels_of, reduced
from imaging.picture import Picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Networks:
    """Two sessions, or one of the graph that holds both networks and all between them."""

    segmentation: NetworkSession
    classification: NetworkSession | None

    @property
    def provider(self) -> str:
        return self.segmentation.provider

    @property
    def precision(self) -> str:
        """Of both networks; "bf16/fp32" where they differ."""
        both = (self.segmentation, self.classification or self.segmentation)
        return "/".join(dict.fromkeys(session.precision for session in both))

    def read(
        self, manifest: Manifest, pictures: Sequence[Picture], watch: Stopwatch
    ) -> tuple[list[Segmented], list[Classified]]:
        if self.classification is None:
            with watch.stage("networks"):
                return whole.read(self.segmentation, manifest, pictures)
        with watch.stage("segment"):
            found = segment(self.segmentation, manifest, pictures)
        with watch.stage("classify"):
            return found, classify(self.classification, manifest, found)

    def both(self) -> list[NetworkSession]:
        """The sessions there are."""
        return [self.segmentation] if self.classification is None else [self.segmentation, self.classification]

    def close(self) -> None:
        """Let go of all that is held on a GPU."""
        for session in self.both():
            session.close()


@dataclass(frozen=True)
class _Loaded:
    """Both networks: for one picture at a time on all cores, or on the GPU for any number; and with a thread each.

    `side_by_side` holds sessions of one thread, shared by all cores: where several pictures wait, each core takes one.
    """

    manifest: Manifest
    together: _Networks
    side_by_side: _Networks | None
    lines: ThreadPoolExecutor
    layout: Layout | None


class Engine:
    """Both networks, opened at first use and shared by all threads of the process.

    Args:
        folder: holds manifest.json and the exported networks.
        provider: auto, cuda, tensorrt, openvino or cpu.
        threads: threads of one inference on the CPU; 0 takes the usable cores.
        recalibrated: folder of manifests that were fitted to local pictures; the newest counts.
        is_gpu_hung: the GPU let a reading hang before, so it is left alone.
        precision: fp32; fp16, made for GPUs; bf16, of the U-Net alone, with OpenVINO on a processor that has it.
        is_one_graph: run both networks and all between them as one graph, see `app/inference/whole.py`.
        gpu_options: how both networks may use a GPU.
    """

    def __init__(
        self,
        folder: Path,
        provider: str = "auto",
        threads: int = 0,
        recalibrated: Path | None = None,
        is_gpu_hung: bool = False,
        is_one_graph: bool = False,
        precision: str = "fp32",
        gpu_options: GpuOptions | None = None,
    ) -> None:
        self._folder, self._wanted, self._threads, self._recalibrated = folder, provider, threads, recalibrated
        self._loaded: _Loaded | None = None
        self._is_gpu_hung, self._is_one_graph, self._precision = is_gpu_hung, is_one_graph, precision
        self._gpu_options, self._is_opening = gpu_options or GpuOptions(), False
        self.gpu_failures = int(is_gpu_hung)  # batches that were answered on the CPU because the GPU failed
        # This thread opens the networks, and on a GPU it alone runs them: two batches at once would fight for its
        # memory, and what onnxruntime keeps there for each thread, it keeps once.
        self._one_line = ThreadPoolExecutor(1, "line-gpu")
        self._counting = threading.Lock()
        self._under_way = 0  # pictures that are being read on the CPU

    @property
    def manifest(self) -> Manifest:
        """Raises: ModelUnusable."""
        loaded = self._loaded
        return loaded.manifest if loaded else manifests.read(self._folder, self._recalibrated)

    @property
    def provider(self) -> str | None:
        """ "CUDA", "TensorRT", "OpenVINO" or "CPU" once the networks are open, else None."""
        loaded = self._loaded
        return loaded.together.provider if loaded else None

    def read(self, pictures: Sequence[Picture]) -> list[Findings]:
        """Read pictures: a lone one with all cores, several with a core each, on a GPU in one batch.

        Raises:
            ModelUnusable: the networks are missing or damaged.
        """
        loaded = self._ready()
        if loaded.side_by_side is None:
            return self._read_batch(loaded, pictures)
        return self._read_side_by_side(loaded, loaded.side_by_side, pictures)

    def objection(self, picture: Picture) -> str | None:
        """What the layout network has against reading a picture: a code of `imaging.gate.quality`, or None.

        Raises:
            ModelUnusable: the networks are missing or damaged.
        """
        found = self._ready().layout
        return found.objection(picture) if found else None

    def _ready(self) -> _Loaded:
        return self._loaded or self._one_line.submit(self._open, self._wanted).result()

    @property
    def is_building(self) -> bool:
        """True while TensorRT builds its engines, which takes minutes."""
        loaded = self._loaded
        is_preparing = loaded is not None and any(session.is_preparing for session in loaded.together.both())
        return self._wanted == "tensorrt" and (self._is_opening or is_preparing)

    def kinds(self) -> dict[str, dict[int, str]]:
        """How each network runs batches of each size that came, on a GPU; see `FixedBatches`."""
        loaded = self._loaded
        return {session.network.name: session.kinds() for session in loaded.together.both()} if loaded else {}

    def _read_batch(self, loaded: _Loaded, pictures: Sequence[Picture]) -> list[Findings]:
        try:
            return _read(loaded.manifest, loaded.together, pictures)
        except Exception as error:
            if not gpu.is_gpu(loaded.together.provider):
                raise
            traceback.clear_frames(error.__traceback__)  # they hold sessions, and these hold the GPU's memory
            self._one_line.submit(self._give_up, loaded).result()
            if self._wanted in gpu.ASKED:
                raise
            return self._read_on_cpu(pictures, error)

    def _give_up(self, loaded: _Loaded) -> None:
        """A session may stay broken after running out of memory: the next batch opens new ones."""
        self.gpu_failures += 1
        loaded.together.close()
        if self._loaded is loaded:
            self._loaded = None

    def _read_side_by_side(self, loaded: _Loaded, networks: _Networks, pictures: Sequence[Picture]) -> list[Findings]:
        with self._counting:
            is_alone = self._under_way == 0 and len(pictures) == 1
            self._under_way += len(pictures)
        try:
            if is_alone:
                return _read(loaded.manifest, loaded.together, pictures)
            return list(loaded.lines.map(lambda picture: _read(loaded.manifest, networks, [picture])[0], pictures))
        finally:
            with self._counting:
                self._under_way -= len(pictures)

    def warm_up(self) -> None:
        """Open the networks and run one black picture, on a GPU a batch of each size, so that no real one waits.

        Raises:
            ModelUnusable: the networks are missing or damaged.
        """
        black = Picture(np.zeros((64, 64), dtype=np.uint8), "png")
        self.read([black])
        self.objection(black)
        for size in self._gpu_options.sizes() if gpu.is_gpu(self.provider) else []:
            self.read([black] * size)
        gpu.remove_unused(self._gpu_options.engines)

    def _open(self, provider: str) -> _Loaded:
        if self._is_gpu_hung and provider in gpu.ASKED:
            raise ModelUnusable("gpu_hung", "The GPU stopped answering. Restart the server to try it again.")
        if self._loaded is None:
            self._is_opening = True
            try:
                self._loaded = self._load("cpu" if self._is_gpu_hung else provider)
            finally:
                self._is_opening = False
        return self._loaded

    def _load(self, provider: str) -> _Loaded:
        manifest = manifests.read(self._folder, self._recalibrated)
        cores = self._threads or usable_cores()
        together = self._networks(manifest, provider, cores)
        has_lines = cores > 1 and not gpu.is_gpu(together.provider)
        side_by_side = self._networks(manifest, together.provider.lower(), 1, cores) if has_lines else None
        return _Loaded(manifest, together, side_by_side, ThreadPoolExecutor(cores, "line"), layout.load(self._folder))

    def _networks(self, manifest: Manifest, provider: str, threads: int, lines: int = 1) -> _Networks:
        if self._is_one_graph:
            network = whole.network(manifest, self._folder)
            return _Networks(self._session(network, provider, threads, lines), None)
        taken = manifests.in_half_precision(manifest, self._folder) if self._precision == "fp16" else manifest
        segmentation = self._session(taken.segmentation, provider, threads, lines, self._precision == "bf16")
        # never in bfloat16: its out-of-distribution score divides distances of some 0.00001, and refuses nearly all
        classification = self._session(taken.classification, provider, threads, lines)
        if segmentation.provider != classification.provider:  # a GPU that had room for one of them
            log.error("only one network could be opened there, taking the CPU for both")
            return self._networks(manifest, "cpu", threads, lines)
        contract.check(segmentation, classification)
        return _Networks(segmentation, classification)

    def _session(
        self, network: Network, provider: str, threads: int, lines: int, is_bf16: bool = False
    ) -> NetworkSession:
        return NetworkSession(network, provider, threads, is_bf16, lines, self._gpu_options, self._one_line)

    def _read_on_cpu(self, pictures: Sequence[Picture], error: Exception) -> list[Findings]:
        log.error("GPU inference failed, answered on the CPU", extra={"error": type(error).__name__})
        manifest = self.manifest
        return _read(manifest, self._networks(manifest, "cpu", self._threads or usable_cores()), pictures)


def _read(manifest: Manifest, networks: _Networks, pictures: Sequence[Picture]) -> list[Findings]:
    watch = Stopwatch()
    small = [reduced(picture) for picture in pictures]
    found, judged = networks.read(manifest, small, watch)
    shared = {name: round(value / len(pictures), 2) for name, value in watch.milliseconds.items()}
    return [
        _findings(manifest, networks, picture, item, verdict, shared)
        for picture, item, verdict in zip(pictures, found, judged, strict=True)
    ]


def _findings(
    manifest: Manifest,
    networks: _Networks,
    picture: Picture,
    item: Segmented,
    judged: Classified,
    shared: dict[str, float],
) -> Findings:
    watch, small = Stopwatch(), item.picture
    mask = np.zeros_like(item.mask) if judged.is_clear else item.mask
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
        out_of_distribution=judged.out_of_distribution,
        out_of_distribution_limit=manifest.out_of_distribution_limit,
        heat_in_lesion=share_in_lesion(heat, mask),
        milliseconds={**shared, **watch.milliseconds},
        provider=networks.provider,
        precision=networks.precision,
        models={network.name: network.version for network in (manifest.segmentation, manifest.classification)},
        models_version=manifest.version,
        notices=picture.notices,
    )
