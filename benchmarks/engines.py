"""`make bench-engines`: other engines and arithmetics for the same networks on a CPU, and what they change.

Each variant reads the same pictures, in turns, so that a machine that is slow for a while is slow for all. Agreement is
with onnxruntime's own CPU engine in fp32. Run in an environment with onnxruntime-openvino instead of onnxruntime.
"""

from __future__ import annotations

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

from app.inference.pipeline import Engine
from app.inference.results import LABELS, Findings
from benchmarks.machine import ROOT, commit, machine
from imaging.agreement import dice
from imaging.phantom import speckle
from imaging.picture import Picture

RESULTS = ROOT / "benchmarks" / "results" / "engines.json"
MODELS = ROOT / "models"
BAND = 0.02  # a lead of the first class over the second below which a change of class says little
CALIBRATING = 32
EVERY = 4  # picture of BUSI
ROUNDS = 4

REFERENCE = "onnxruntime, fp32"
PAGE = ROOT / "docs" / "reference" / "engines.md"
TEMPLATE = ROOT / "benchmarks" / "engines.template.md"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engines = variants(Path(folder))
        pictures, source = _pictures()
        opened = {name: _seconds(engine.warm_up) for name, engine in engines.items()}
        found, alone = _read(engines, pictures)
        beside = _beside(engines, pictures[: 16 * ROUNDS])
    rows = [
        {
            "name": name, "provider": found[name][0].provider, "precision": found[name][0].precision,
            "open_s": round(opened[name], 2), "one_picture_ms": round(statistics.median(alone[name]) * 1000, 1),
            "side_by_side_per_s": round(beside[name], 1), **agreement(found[REFERENCE], found[name]),
        }
        for name in engines
    ]  # fmt: skip
    versions = {name: metadata.version(name) for name in ("onnxruntime-openvino", "numpy")}
    report = {"machine": machine(), "commit": commit(), "versions": versions, "pictures": source, "variants": rows}
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(report), encoding="utf-8")
    print(f"written: {RESULTS.relative_to(ROOT)}, {PAGE.relative_to(ROOT)}")


def page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    facts, lines = report["machine"], []
    for row in report["variants"]:
        lines.append(
            f"| {row['name']} | {row['precision']} | {row['one_picture_ms']:.1f} | {row['side_by_side_per_s']:.1f} | "
            f"{row['open_s']:.1f} | {row['largest_difference']:.4f} | "
            f"{row['mean_dice']:.4f} ({row['lowest_dice']:.3f}) | "
            f"{row['other_class']} ({row['other_class_outside_band']}) | {row['other_novelty']} |"
        )
    return TEMPLATE.read_text(encoding="utf-8").format(
        processor=f"{facts['processor']}, {facts['cores']} cores ({', '.join(facts['instructions'])})",
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
        "OpenVINO, outline in bf16": Engine(MODELS, "openvino", precision="bf16"),
    }


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
    """How much the answers differ: in class, in probability, in the mask, and in what counts as novel."""
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
        "other_novelty": sum(one.is_novel != other.is_novel for one, other in pairs),
    }


def _scores(found: Findings) -> NDArray[np.float64]:
    return np.array([getattr(found.probabilities, label) for label in LABELS])


def _lead(found: Findings) -> float:
    ordered = np.sort(_scores(found))
    return float(ordered[-1] - ordered[-2])


def _pictures() -> tuple[list[Picture], str]:
    """Real pictures where the data set is there, else synthetic ones."""
    folder = Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")) / "busi"
    files = sorted(path for path in folder.rglob("*.webp") if "mask" not in str(path))[::EVERY]
    if not files:
        kinds = ("oval", "irregular", None)
        return [Picture(speckle(seed, kinds[seed % 3]), "png") for seed in range(100)], "synthetic"
    pictures = []
    for path in files:
        with Image.open(path) as image:
            pictures.append(Picture(np.asarray(image.convert("L"), dtype=np.uint8), "png"))
    return pictures, f"every {EVERY}th of BUSI"


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


if __name__ == "__main__":
    main()
