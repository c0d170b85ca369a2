"""`models/manifest.json`: the one contract between training and serving. Nothing whose hash differs is loaded."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imaging.statistics.scores import NEVER, Scaling, Scores, rescaled

log = logging.getLogger(__name__)


class ModelUnusable(RuntimeError):
    """The networks can't be used: `code` for programs, `sentence` for people. Uploads wait until it is mended."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Network:
    """One exported network: its file, hash, input side in pixels, and arithmetic (fp32, fp16)."""

    name: str
    version: str
    path: Path
    sha256: str
    input_size: int
    precision: str = "fp32"

    def checked(self) -> bytes:
        """The file's bytes.

        Raises:
            ModelUnusable: the file is missing or its sha256 differs; onnxruntime itself loads a file with one
                flipped byte without a word.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ModelUnusable("model_missing", f"The network file {self.path.name} can't be read.") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ModelUnusable("model_bad", f"The network file {self.path.name} does not match its sha256.")
        return content


@dataclass(frozen=True)
class Manifest:
    """What serving needs to know of the exported networks; `raw` holds the whole file for pages and reports.

    `temperature_factor` is by how much a recalibration has multiplied the temperature since the limits were chosen.
    """

    version: str
    segmentation: Network
    classification: Network
    mask_threshold: float
    smallest_share: float
    border: float
    normal_limit: float
    certain_outline: float
    scaling: Scaling
    conformal_limits: tuple[float, ...]
    out_of_distribution_limit: float
    malignant_threshold: float
    raw: dict[str, Any]
    temperature_factor: float = 1.0

    def as_limited(self, scores: Scores) -> Scores:
        """Probabilities, float64 `N x 3`, as they were when `normal_limit` and `conformal_limits` were chosen."""
        if self.temperature_factor == 1.0:
            return scores
        return rescaled(scores, 1 / self.temperature_factor, self.scaling.bias)


def in_half_precision(manifest: Manifest, folder: Path) -> Manifest:
    """The same with the float16 copies of both networks, which are made for GPUs.

    Raises:
        ModelUnusable: these networks come without such copies.
    """
    try:
        described = manifest.raw["half_precision"]
        return replace(
            manifest,
            segmentation=_half(manifest.segmentation, described["segmentation"], folder),
            classification=_half(manifest.classification, described["classification"], folder),
        )
    except (KeyError, TypeError) as error:
        raise ModelUnusable("model_missing", "These networks come without copies in half precision.") from error


def _half(network: Network, described: dict[str, Any], folder: Path) -> Network:
    path = folder / Path(str(described["file"])).name
    return replace(network, path=path, sha256=str(described["sha256"]), precision="fp16")


def read(folder: Path, local: Path | None = None) -> Manifest:
    """Read `folder/manifest.json`, or the newest one of `local` when it was made for the same networks.

    Args:
        local: folder of recalibrated manifests, numbered; see `app/recalibration/fitting.py`.

    Raises:
        ModelUnusable: it is missing, is no JSON, or lacks a field.
    """
    try:
        raw = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return _manifest(_recalibrated(raw, local) or raw, folder)
    except OSError as error:
        raise ModelUnusable("model_missing", "The model manifest can't be read.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnusable("model_bad", "The model manifest is damaged.") from error


def numbered(local: Path) -> list[Path]:
    """The recalibrated manifests of a folder, oldest first."""
    return sorted(local.glob("[0-9][0-9][0-9][0-9].json"))


def _recalibrated(shipped: dict[str, Any], local: Path | None) -> dict[str, Any] | None:
    """The newest recalibrated manifest; None when there is none, or when the networks have been replaced since."""
    if local is None or not (found := numbered(local)):
        return None
    raw: dict[str, Any] = json.loads(found[-1].read_text(encoding="utf-8"))
    if raw["networks"] == shipped["networks"]:
        # Recalibrating leaves the rules of masks as they are shipped, and other rules are another version.
        version = shipped["version"] + "+" + raw["version"].partition("+")[2]
        return {**raw, "mask": shipped["mask"], "version": version}
    log.warning("the recalibration was made for other networks and is not used", extra={"version": raw["version"]})
    return None


def _manifest(raw: dict[str, Any], folder: Path) -> Manifest:
    return Manifest(
        version=str(raw["version"]),
        segmentation=_network(raw["networks"]["segmentation"], folder),
        classification=_network(raw["networks"]["classification"], folder),
        mask_threshold=float(raw["mask"]["threshold"]),
        smallest_share=float(raw["mask"]["smallest_share"]),
        border=float(raw["border"]),
        normal_limit=float(raw["mask"]["normal_limit"]),
        certain_outline=float(raw["mask"].get("certain_outline", NEVER)),
        scaling=_scaling(raw["calibration"]["parameters"]),
        conformal_limits=tuple(float(number) for number in raw["conformal"]["limits"]),
        out_of_distribution_limit=float(raw["out_of_distribution"]["limit"]),
        malignant_threshold=float(raw["operating_points"]["malignant"]["threshold"]),
        raw=raw,
        temperature_factor=float(raw["calibration"].get("temperature_factor", 1.0)),
    )


def _scaling(raw: dict[str, Any]) -> Scaling:
    bias = tuple(float(number) for number in raw["bias"])
    return Scaling(float(raw["temperature"]), float(raw["unet_weight"]), bias)


def _network(raw: dict[str, Any], folder: Path) -> Network:
    path = folder / Path(str(raw["file"])).name
    precision = str(raw.get("precision", "fp32"))
    return Network(str(raw["name"]), str(raw["version"]), path, str(raw["sha256"]), int(raw["input_size"]), precision)
