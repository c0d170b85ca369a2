"""Other engines and arithmetics for the same networks, and what they change: on a CPU, or with `--gpu` on a GPU.

Each variant reads the same pictures, in turns, so that a machine that is slow for a while is slow for all. Agreement is
with onnxruntime's own CPU engine in fp32. `make bench-engines` runs it in an environment with onnxruntime-openvino
instead of onnxruntime, `make bench-gpu` in the one that serves.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.inference import gpu
from app.inference.fixed_batches import SIZES
from app.inference.gpu import GpuOptions
from app.inference.pipeline import Engine
from app.inference.results import LABELS, Findings
from benchmarks.machine import ROOT, commit, machine
from imaging.phantom import speckle
from imaging.picture import Picture
from imaging.statistics.agreement import dice

FOLDER = ROOT / "benchmarks" / "results"
MODELS = ROOT / "models"
BAND = 0.02  # a lead of the first class over the second below which a change of class says little
CALIBRATING = 32
EVERY, EVERY_ON_GPU = 4, 1  # picture of BUSI
PACKAGES = ("onnxruntime-openvino", "onnxruntime-gpu", "onnxruntime", "numpy")
ROUNDS = 4

REFERENCE = "onnxruntime, fp32"
REFERENCE_PAGES = ROOT / "docs" / "reference"
TEMPLATES = ROOT / "benchmarks"


def main() -> None:
    """Measure, and write the results and their page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="variants on an NVIDIA GPU, on all of BUSI")
    is_gpu = parser.parse_args().gpu
    name = "engines-gpu" if is_gpu else "engines"
    with tempfile.TemporaryDirectory() as folder:
        chosen = gpu_variants(Path(folder)) if is_gpu else variants(Path(folder))
        report = measured(chosen, EVERY_ON_GPU if is_gpu else EVERY, is_gpu)
    (FOLDER / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    template = (TEMPLATES / f"{name}.template.md").read_text(encoding="utf-8")
    (REFERENCE_PAGES / f"{name}.md").write_text(page(report, template), encoding="utf-8")
    print(f"written: benchmarks/results/{name}.json, docs/reference/{name}.md")


def measured(engines: dict[str, Engine], every: int, is_gpu: bool) -> dict[str, Any]:
    """All variants on every n-th picture of BUSI: a row for each that can be opened here, the first is `REFERENCE`."""
    pictures, source = _pictures(every)
    opened = _opened(engines)
    engines = {name: engine for name, engine in engines.items() if name in opened}
    found, alone = _read(engines, pictures)
    several = _batches(engines, pictures) if is_gpu else _beside(engines, pictures[: 16 * ROUNDS])
    for name in [name for name, engine in engines.items() if "graphs" in name and not _has_graphs(engine)]:
        print(f"left out: {name} (this GPU or its libraries would not have them)")
        del engines[name]
    rows = [
        {
            "name": name, "provider": found[name][0].provider, "precision": found[name][0].precision,
            "open_s": round(opened[name], 2), "one_picture_ms": round(statistics.median(alone[name]) * 1000, 2),
            "one_picture_p99_ms": round(float(np.percentile(alone[name], 99)) * 1000, 2),
            "side_by_side_per_s": round(several[name], 1), **agreement(found[REFERENCE], found[name]),
        }
        for name in engines
    ]  # fmt: skip
    versions = {name: version for name in PACKAGES if (version := _version(name))}
    return {"machine": machine(), "commit": commit(), "versions": versions, "pictures": source, "variants": rows}


def _opened(engines: dict[str, Engine]) -> dict[str, float]:
    """Seconds until each is ready; one that this machine has nothing for is left out, and that is said."""
    taken: dict[str, float] = {}
    for name, engine in engines.items():
        try:
            taken[name] = _seconds(engine.warm_up)
        except Exception as error:  # onnxruntime raises a dozen unrelated types
            print(f"left out: {name} ({getattr(error, 'sentence', repr(error))})")
    return taken


def _has_graphs(engine: Engine) -> bool:
    kinds = [kind for kinds in engine.kinds().values() for kind in kinds.values()]
    return bool(kinds) and all(kind == "graph" for kind in kinds)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def page(report: dict[str, Any], template: str) -> str:
    """The report as Markdown."""
    facts, lines = report["machine"], []
    for row in report["variants"]:
        lines.append(
            f"| {row['name']} | {row['precision']} | {row['one_picture_ms']:.1f} | "
            f"{row['one_picture_p99_ms']:.1f} | {row['side_by_side_per_s']:.1f} | "
            f"{row['open_s']:.1f} | {row['largest_difference']:.4f} | "
            f"{row['mean_dice']:.4f} ({row['lowest_dice']:.3f}) | "
            f"{row['other_class']} ({row['other_class_outside_band']}) | {row['other_novelty']} |"
        )
    device = f", {facts['gpu']}" if facts.get("gpu") else ""
    return template.format(
        processor=f"{facts['processor']}, {facts['cores']} cores ({', '.join(facts['instructions'])}){device}",
        commit=report["commit"][:10], pictures=f"{report['variants'][0]['pictures']} pictures: {report['pictures']}",
        versions=", ".join(f"{name} {version}" for name, version in report["versions"].items()), rows="\n".join(lines),
        busy=facts["busy_before"], band=BAND,
    )  # fmt: skip


def variants(folder: Path) -> dict[str, Engine]:
    """Engines by name; the 8-bit networks are written to `folder`."""
    return {
        REFERENCE: Engine(MODELS, "cpu"),
        "onnxruntime, fp32, one graph": Engine(MODELS, "cpu", is_one_graph=True),
        "onnxruntime, 8 bit": Engine(eight_bit(folder), "cpu"),
        "OpenVINO, fp32": Engine(MODELS, "openvino"),
        "OpenVINO, mask in bf16": Engine(MODELS, "openvino", precision="bf16"),
    }


def gpu_variants(folder: Path, provider: str = "cuda") -> dict[str, Engine]:
    """Engines by name; TensorRT's engines are built in `folder`, so their time to open is that of building them."""

    def engine(provider: str = provider, **options: Any) -> Engine:
        gpu_options = GpuOptions(has_graphs=options.pop("has_graphs", False), engines=folder, most_at_once=SIZES[-1])
        return Engine(MODELS, provider, gpu_options=gpu_options, **options)

    found = {
        REFERENCE: Engine(MODELS, "cpu"),
        "CUDA, fp32": engine(),
        "CUDA, fp32, one graph": engine(is_one_graph=True),
        "CUDA, fp16": engine(precision="fp16"),
        "CUDA, fp16, CUDA graphs": engine(precision="fp16", has_graphs=True),
    }
    if gpu.tensorrt_version() is not None:
        found["TensorRT, fp16"] = engine("tensorrt", precision="fp16")
    return found


def eight_bit(folder: Path) -> Path:
    """The networks with 8-bit convolutions (static, calibrated on synthetic ultrasound); returns their folder."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, rows: list[dict[str, NDArray[np.uint8]]]) -> None:
            self._rows = iter(rows)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            return next(self._rows, None)

    shutil.copy(MODELS / "manifest.json", folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, rows in _calibrating().items():
        entry = manifest["networks"][name]
        prepared = folder / f"prepared-{name}.onnx"
        quant_pre_process(str(MODELS / entry["file"]), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(folder / entry["file"]), Reader(rows), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv"],
        )  # fmt: skip
        entry["precision"] = "int8"
        entry["sha256"] = sha256((folder / entry["file"]).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _calibrating() -> dict[str, list[dict[str, NDArray[np.uint8]]]]:
    """What both networks are given for synthetic pictures, by the engine itself."""
    from app.inference.sessions import NetworkSession

    seen: dict[str, list[dict[str, NDArray[np.uint8]]]] = {"segmentation": [], "classification": []}
    run = NetworkSession.run

    def noted(session: NetworkSession, inputs: Any) -> dict[str, NDArray[Any]]:
        seen["segmentation" if "picture" in inputs else "classification"].append(dict(inputs))
        return run(session, inputs)

    NetworkSession.run = noted  # type: ignore[method-assign]
    try:
        engine = Engine(MODELS, "cpu")
        for seed in range(CALIBRATING):
            engine.read([Picture(speckle(seed, ("oval", "irregular", None)[seed % 3]), "png")])
    finally:
        NetworkSession.run = run  # type: ignore[method-assign]
    return seen


def agreement(wanted: list[Findings], found: list[Findings]) -> dict[str, float | int]:
    """How much the answers differ: in class, in probability, in the mask, and in what counts as out of distribution."""
    pairs = list(zip(wanted, found, strict=True))
    differences = [float(np.abs(_scores(one) - _scores(other)).max()) for one, other in pairs]
    overlaps = [dice(one.mask, other.mask) for one, other in pairs]
    changed = [(one, other) for one, other in pairs if one.label != other.label]
    return {
        "pictures": len(pairs),
        "largest_difference": round(max(differences), 4),
        "mean_dice": round(statistics.mean(overlaps), 4),
        "lowest_dice": round(min(overlaps), 4),
        "other_class": len(changed),
        "other_class_outside_band": sum(_lead(one) > BAND for one, _ in changed),
        "other_novelty": sum(one.is_out_of_distribution != other.is_out_of_distribution for one, other in pairs),
    }


def _scores(found: Findings) -> NDArray[np.float64]:
    return np.array([getattr(found.probabilities, label) for label in LABELS])


def _lead(found: Findings) -> float:
    ordered = np.sort(_scores(found))
    return float(ordered[-1] - ordered[-2])


def _pictures(every: int) -> tuple[list[Picture], str]:
    """Real pictures where the data set is there, else synthetic ones."""
    folder = Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")) / "busi"
    files = sorted(path for path in folder.rglob("*.webp") if "mask" not in str(path))[::every]
    if not files:
        kinds = ("oval", "irregular", None)
        return [Picture(speckle(seed, kinds[seed % 3]), "png") for seed in range(100)], "synthetic"
    pictures = []
    for path in files:
        with Image.open(path) as image:
            pictures.append(Picture(np.asarray(image.convert("L"), dtype=np.uint8), "png"))
    return pictures, "all of BUSI" if every == 1 else f"every {every}th of BUSI"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _read(
    engines: dict[str, Engine], pictures: list[Picture]
) -> tuple[dict[str, list[Findings]], dict[str, list[float]]]:
    """Every picture with every engine, one after the other: findings and seconds."""
    found: dict[str, list[Findings]] = {name: [] for name in engines}
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for picture in pictures:
        for name, engine in engines.items():
            started = time.perf_counter()
            found[name] += engine.read([picture])
            taken[name].append(time.perf_counter() - started)
    return found, taken


def _beside(engines: dict[str, Engine], pictures: list[Picture]) -> dict[str, float]:
    """Pictures a second when sixteen wait; the best of some rounds, engines in turn."""
    best = dict.fromkeys(engines, 0.0)
    for first in range(0, len(pictures) - 15, 16):
        for name, engine in engines.items():
            with ThreadPoolExecutor(4) as senders:
                fours = [pictures[first + start : first + start + 4] for start in range(0, 16, 4)]
                seconds = _seconds(lambda engine=engine, fours=fours: list(senders.map(engine.read, fours)))  # type: ignore[misc]
            best[name] = max(best[name], 16 / seconds)
    return best


def _batches(engines: dict[str, Engine], pictures: list[Picture]) -> dict[str, float]:
    """Pictures a second in batches of the largest size; the best of some, engines in turn."""
    size, best = SIZES[-1], dict.fromkeys(engines, 0.0)
    for first in range(0, min(len(pictures), ROUNDS * size) - size + 1, size):
        for name, engine in engines.items():
            batch = pictures[first : first + size]
            best[name] = max(best[name], size / _seconds(lambda engine=engine, batch=batch: engine.read(batch)))  # type: ignore[misc]
    return best


if __name__ == "__main__":
    main()
