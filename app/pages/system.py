"""What the system page may read: health, networks with their figures and curve, what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.pages.admin import NARROW_SPACE, percent
from app.pages.admin_image import Fact
from app.upkeep.inventory import Inventory

GIB = 1024**3
LOW_SPACE_BYTES = 2 * GIB
CURVE_SIDE = 200  # px of the curve's square
_DATA_SETS = {
    "busi": "BUSI, held-out fold",
    "busi_without_conflicts": "BUSI, without mislabelled images",
    "busbra": "BUS-BRA, held-out fold",
}
_METRICS = (
    ("dice_lesions", "Mask overlap (Dice)"),
    ("iou_lesions", "Mask overlap (Jaccard, IoU)"),
    ("hausdorff95_px", "Contour distance (Hausdorff, 95th percentile, px)"),
    ("benign_malignant_auc", "Benign against malignant (area under the ROC curve)"),
    ("macro_auc", "Three classes (mean area under the ROC curves)"),
    ("balanced_accuracy", "Balanced accuracy"),
    ("sensitivity_at_operating_point", "Sensitivity at the operating point"),
    ("specificity_at_operating_point", "Specificity at the operating point"),
    ("conformal_coverage", "Conformal sets that hold the true class"),
    ("conformal_single", "Conformal sets with one class"),
    ("novelty_refused", "Refused as out of distribution"),
    ("expected_calibration_error", "Calibration error"),
    ("brier", "Brier score"),
)


@dataclass(frozen=True)
class Health:
    """One part of the server: `tone` is success, warning or error, `sentence` says what it is."""

    name: str
    tone: str
    sentence: str


@dataclass(frozen=True)
class Network:
    """One exported network in short."""

    name: str
    role: str
    version: str
    precision: str
    input_size: int
    sha256: str


@dataclass(frozen=True)
class FigureRow:
    """One metric over all data sets; a cell is "" where it was not measured."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class CurvePoint:
    """A bin of the reliability curve: where it stands in the square (px from the top left) and in words."""

    x: float
    y: float
    low: str
    high: str
    share: str
    count: int


@dataclass(frozen=True)
class SystemPage:
    """Everything on the system page."""

    is_ready: bool
    health: tuple[Health, ...]
    networks: tuple[Network, ...]
    data_sets: tuple[str, ...]
    figures: tuple[FigureRow, ...]
    curve: tuple[CurvePoint, ...]
    training: tuple[Fact, ...]
    kept: tuple[Fact, ...]
    oldest_waiting: datetime | None

    @classmethod
    def of(cls, stock: Inventory) -> SystemPage:
        raw = stock.manifest or {}
        metrics = {name: values for name, values in raw.get("metrics", {}).items() if isinstance(values, Mapping)}
        return cls(
            is_ready=stock.report.is_ready, health=_health(stock), networks=_networks(raw),
            data_sets=tuple(_DATA_SETS.get(name, name) for name in metrics), figures=_figures(metrics),
            curve=tuple(_point(entry) for entry in raw.get("reliability", ())), training=_training(raw),
            kept=_kept(stock), oldest_waiting=stock.queue.oldest,
        )  # fmt: skip


def _health(stock: Inventory) -> tuple[Health, ...]:
    parts = (_networks_health, _database_health, _storage_health, _queue_health, _decoder_health)
    return tuple(part(stock) for part in parts)


def _networks_health(stock: Inventory) -> Health:
    code = _code(stock, "networks")
    if code is not None:
        return Health("Networks", "error", f"{stock.model_fault or 'A test reading failed.'} ({code}) Uploads wait.")
    if stock.provider is None:
        return Health("Networks", "warning", "Not opened yet.")
    failures = _facts(stock, "networks").get("gpu_failures", 0)
    if failures:
        sentence = f"Running on {stock.provider}. Readings that the GPU failed at since the start: {failures}."
        return Health("Networks", "warning", sentence)
    return Health("Networks", "success", f"Running on {stock.provider}.")


def _database_health(stock: Inventory) -> Health:
    code = _code(stock, "database")
    if code is not None:
        return Health("Database", "error", f"It can't be written ({code}).")
    if not stock.database.is_library_safe:
        sentence = f"{stock.database.library} has a known corruption bug; 3.51.3 or newer is advised."
        return Health("Database", "warning", sentence)
    return Health("Database", "success", f"{stock.database.library} writes.")


def _storage_health(stock: Inventory) -> Health:
    code, free = _code(stock, "store"), size_text(stock.storage.free_bytes)
    if code is not None:
        return Health("Image store", "error", f"It can't be written ({code}).")
    if stock.storage.free_bytes < LOW_SPACE_BYTES:
        return Health("Image store", "warning", f"Only {free} are left on the disk.")
    return Health("Image store", "success", f"{free} are left on the disk.")


def _queue_health(stock: Inventory) -> Health:
    length, limit = stock.queue.length, stock.queue.limit
    if length >= limit:
        return Health("Queue", "error", f"{length} images wait, which is the limit: uploads are refused for now.")
    if length == 0:
        return Health("Queue", "success", "Nothing waits.")
    return Health("Queue", "warning" if length > limit / 2 else "success", f"{length} wait, of {limit} at most.")


def _decoder_health(stock: Inventory) -> Health:
    walls = stock.walls
    if walls is None:
        return Health("Decoders", "success", "None has been needed yet.")
    if walls.means is None:
        sentence = f"Not shut in ({walls.missing}): a fault in a reader of pictures could reach what is kept here."
        return Health("Decoders", "warning", sentence)
    return Health("Decoders", "success", f"Shut in by {walls.means}: they can open no file and make no connection.")


def _facts(stock: Inventory, name: str) -> Mapping[str, Any]:
    return next((check.facts for check in stock.report.checks if check.name == name), {})


def _code(stock: Inventory, name: str) -> str | None:
    return next((check.code for check in stock.report.checks if check.name == name), None)


def _networks(raw: Mapping[str, Any]) -> tuple[Network, ...]:
    return tuple(_network(role, entry) for role, entry in raw.get("networks", {}).items())


def _network(role: str, entry: Mapping[str, Any]) -> Network:
    return Network(
        str(entry["name"]), role, str(entry["version"]), str(entry.get("precision", "")),
        int(entry["input_size"]), str(entry["sha256"]),
    )  # fmt: skip


def _figures(metrics: Mapping[str, Mapping[str, Any]]) -> tuple[FigureRow, ...]:
    rows = (FigureRow(name, tuple(_cell(found.get(key)) for found in metrics.values())) for key, name in _METRICS)
    return tuple(row for row in rows if any(row.cells))


def _cell(metric: Any) -> str:
    """A metric is a number, or a mapping with value, low and high (95% interval)."""
    if isinstance(metric, Mapping):
        return f"{metric['value']:.3g} ({metric['low']:.3g} to {metric['high']:.3g})"
    return f"{metric:.3g}" if isinstance(metric, int | float) else ""


def _point(entry: Mapping[str, Any]) -> CurvePoint:
    middle = (entry["low"] + entry["high"]) / 2
    return CurvePoint(
        CURVE_SIDE * middle, CURVE_SIDE * (1 - entry["malignant_share"]), percent(entry["low"]),
        percent(entry["high"]), percent(entry["malignant_share"]), int(entry["count"]),
    )  # fmt: skip


def _training(raw: Mapping[str, Any]) -> tuple[Fact, ...]:
    if not raw:
        return ()
    point = raw.get("operating_points", {}).get("malignant", {})
    return (
        Fact("Manifest", f"{raw['version']}, made {raw.get('created', '–')}"),
        Fact("Recipe", f"{raw.get('recipe', '–')}, commit {str(raw.get('commit', '–'))[:12]}"),
        Fact("Trained on", "; ".join(str(name) for name in raw.get("training_data", ())) or "–"),
        Fact("Split", str(raw.get("split_sha256", "–"))[:16]),
        Fact("Calibration", str(raw.get("calibration", {}).get("method", "–"))),
        Fact(
            "Operating point", f"malignant at {point.get('threshold', 0):.3f} and above, {point.get('chosen_on', '')}"
        ),
        Fact("Figures measured on", str(point.get("measured_on", "–"))),
        Fact("Intended use", str(raw.get("intended_use", "–"))),
    )


def _kept(stock: Inventory) -> tuple[Fact, ...]:
    about, days = "about " if stock.storage.is_estimate else "", stock.retention_days
    files, size = number_text(stock.storage.files), size_text(stock.storage.size_bytes)
    return (
        Fact("Sonotriage", stock.version),
        Fact("Image files", f"{about}{files} files, {about}{size}"),
        Fact("Database", f"{size_text(stock.database.size_bytes)}, {stock.database.library}"),
        Fact("Kept for", f"{days} days" if days else "until they are deleted"),
    )


def size_text(size_bytes: int) -> str:
    """Bytes in the unit that reads best: "34.5 MB", "1.2 GB" (decimal units, as disks are sold)."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f}{NARROW_SPACE}{unit}"
    return f"{size_bytes}{NARROW_SPACE}bytes"


def number_text(count: int) -> str:
    return f"{count:,}".replace(",", NARROW_SPACE)
