"""Writes `models/`: both networks as ONNX, the manifest and the model card. The only thing that writes there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from monai.networks.nets.efficientnet import EfficientNet
from numpy.typing import NDArray
from torch import nn

from training.datasets.sample import LABELS
from training.exporting import half
from training.fitting.calibrate import CASE_MIX, Calibration, OutOfDistribution
from training.fitting.pipeline import Trained
from training.networks.efficientnet import LesionClassifier
from training.networks.lite_unet import LiteUNet
from training.networks.unet import LesionUNet
from training.preparation.provenance import commit
from training.preparation.recipe import Recipe
from training.preparation.splits import GROUPED

OPSET = 18
SERVED = (("unet", "lite-unet"), ("efficientnet", "widened-efficientnet"))  # what outlines, what judges
TOLERANCE = 1e-4  # largest difference between ONNX and PyTorch that is accepted, see `half.apart`
MASK_TOLERANCE = 1  # in steps of 1/255, where rounding may fall to either side


class ServedUNet(nn.Module):
    """uint8 picture in; uint8 lesion probability (times 255) and the U-Net's own class logits out."""

    def __init__(self, network: LesionUNet | LiteUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        logits, maps = self.network.parts(picture.float() / 255)
        activation = activation_maps(maps, self.network.evidence)
        probability = torch.round(torch.sigmoid(logits) * 255).to(torch.uint8)
        return probability, self.network.class_head(maps.mean(dim=(2, 3))), activation


def activation_maps(maps: torch.Tensor, evidence: torch.Tensor) -> torch.Tensor:
    """Class activation maps `B x 3 x h x w` of `B x C x h x w` maps and the `3 x C` weights that sum them."""
    return torch.einsum("bchw,kc->bkhw", maps, evidence)


class ServedClassifier(nn.Module):
    """uint8 segmented picture in; logits, class activation maps, embedding and out-of-distribution score out."""

    def __init__(self, network: LesionClassifier, fitted: OutOfDistribution) -> None:
        super().__init__()
        self.network = network
        self.mean: torch.Tensor
        self.directions: torch.Tensor
        self.components: torch.Tensor
        self.register_buffer("mean", torch.from_numpy(np.asarray(fitted.mean, dtype=np.float32)))
        self.register_buffer("directions", torch.from_numpy(fitted.directions))
        self.register_buffer("components", torch.from_numpy(fitted.components))
        self.residual_scale = fitted.residual_scale

    def forward(self, segmented: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        maps = self.network.features(segmented.float() / 255)
        embedding = maps.mean(dim=(2, 3))
        head = self.network.trunk._fc
        activation = activation_maps(maps, head.weight)
        centred = embedding - self.mean
        within = torch.square(centred @ self.directions).mean(dim=1)
        beside = centred - (centred @ self.components) @ self.components.T
        score = (within + torch.square(beside).sum(dim=1) / self.residual_scale) / 2
        return head(embedding), activation, embedding, score


def next_version(models: Path) -> str:
    """The version behind that of the networks in `models`, one minor step up; 1.0.0 where there are none.

    Results are shown with the figures of the networks whose version they name, so no two sets may share one.
    """
    path = models / "manifest.json"
    if not path.is_file():
        return "1.0.0"
    major, minor, _ = json.loads(path.read_text(encoding="utf-8"))["version"].split(".", 2)
    return f"{major}.{int(minor) + 1}.0"


def unserved(recipe: Recipe) -> str | None:
    """Why the networks of a recipe can't be served, as a sentence; None where they can."""
    part = recipe["classification"]
    pair = (recipe["segmentation"]["network"], part["network"])
    is_served = all(name in known for name, known in zip(pair, SERVED, strict=True)) and part["input"] == "segmented"
    if not is_served or part.get("enhancement"):
        return (
            f"Recipe {recipe['name']} can't be exported: only a unet whose segmented picture an efficientnet judges "
            "without enhancement is served."
        )
    if recipe.get("protocol", GROUPED) != GROUPED:
        return f"Recipe {recipe['name']} can't be exported: its split leaks, it is there for comparison alone."
    return None


@dataclass(frozen=True)
class Exported:
    """One written network: its file and how far its first output is from PyTorch's on the golden pictures."""

    path: Path
    largest_difference: float

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def export_networks(
    trained: Trained,
    fitted: OutOfDistribution,
    golden: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    folder: Path,
    leeway: int = 1,
) -> tuple[Exported, Exported]:
    """Write both networks and prove on golden inputs that ONNX equals PyTorch.

    Args:
        golden: uint8 `N x 1 x S x S` pictures and uint8 `N x 3 x T x T` segmented pictures.
        leeway: how many times the tolerance is accepted; more than 1 only for networks that were hardly trained,
            whose normalisation rests on a few pictures and blows up rounding.

    Raises:
        ValueError: an output differs by more than its tolerance.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unet = ServedUNet(trained.unet.float().cpu()).eval()
    classifier = ServedClassifier(trained.classifier.float().cpu(), fitted).eval()
    outputs = ["logits", "activation", "embedding", "novelty"]  # the last is the out-of-distribution score
    return (
        _export(
            unet,
            golden[0],
            "picture",
            ["probability", "class_logits", "activation"],
            folder / "unet.onnx",
            leeway,
        ),
        _export(classifier, golden[1], "segmented", outputs, folder / "efficientnetb3.onnx", leeway),
    )


def _export(
    network: nn.Module, golden: NDArray[np.uint8], name: str, outputs: list[str], path: Path, leeway: int
) -> Exported:
    for module in network.modules():
        if isinstance(module, EfficientNet):
            module.set_swish(memory_efficient=False)
    network = network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    torch.onnx.export(
        network,
        (torch.from_numpy(golden[:2]),),
        str(path),
        input_names=[name],
        output_names=outputs,
        dynamic_axes={key: {0: "batch"} for key in [name, *outputs]},
        opset_version=OPSET,
        dynamo=False,
    )
    found = differences(network, golden, name, path)
    wrong = {output: far for output, far in found.items() if not far <= leeway * _allowed(output)}  # NaN is wrong too
    if wrong:
        raise ValueError(f"{path.name}: ONNX differs from PyTorch too much: {wrong}.")
    return Exported(path, found[outputs[0]])


def _allowed(output: str) -> float:
    return MASK_TOLERANCE if output == "probability" else TOLERANCE


def differences(network: nn.Module, golden: NDArray[np.uint8], name: str, path: Path) -> dict[str, float]:
    """Largest difference of every output over the golden inputs, as `half.apart` measures it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        answers = network(torch.from_numpy(golden))
    outputs = [output.name for output in session.get_outputs()]
    served = session.run(outputs, {name: golden})
    return {
        output: half.apart(expected.numpy(), got)
        for output, expected, got in zip(outputs, answers, served, strict=True)
    }


def write_manifest(
    exported: tuple[Exported, Exported],
    trained: Trained,
    recipe: Recipe,
    calibration: Calibration,
    facts: dict[str, Any],
    folder: Path,
) -> dict[str, Any]:
    """Write `manifest.json`, all that serving and a reader need to know of these networks, and their halves.

    Args:
        facts: version, split_sha256, data_sha256, protocol, training_data, metrics, operating_point, reliability (see
            `evaluate`).
    """
    manifest = {
        "schema": 1,
        "version": facts["version"],
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "recipe": recipe["name"],
        "commit": commit(),
        "intended_use": "Research on breast ultrasound; not a medical device.",
        "labels": list(LABELS),
        "networks": {
            "segmentation": {
                "name": "U-Net",
                "version": facts["version"],
                "file": exported[0].path.name,
                "sha256": exported[0].sha256,
                "opset": OPSET,
                "precision": "fp32",
                "input_size": trained.segmentation_size,
                "input": "picture: uint8 N x 1 x S x S, letterboxed grey picture",
                "outputs": {
                    "probability": "uint8 N x 1 x S x S, lesion probability times 255",
                    "class_logits": "float32 N x 3, the U-Net's own logits of the classes",
                    "activation": "float32 N x 3 x h x w, class activation maps of those logits",
                },
                "onnx_against_pytorch": exported[0].largest_difference,
            },
            "classification": {
                "name": "EfficientNetB3",
                "version": facts["version"],
                "file": exported[1].path.name,
                "sha256": exported[1].sha256,
                "opset": OPSET,
                "precision": "fp32",
                "input_size": trained.classification_size,
                "input": "segmented: uint8 N x 3 x T x T: picture, lesion probability, picture under the soft mask",
                "outputs": {
                    "logits": "float32 N x 3",
                    "activation": "float32 N x 3 x h x w, class activation maps",
                    "embedding": "float32 N x D",
                    "novelty": "float32 N, about 1 for pictures like the training's",
                },
                "onnx_against_pytorch": exported[1].largest_difference,
            },
        },
        "mask": {**recipe["mask"], **asdict(calibration.dropping)},
        "border": recipe["classification"]["border"],
        "calibration": {
            "method": "sum of both networks' logits, temperature scaling, a bias per class",
            "parameters": asdict(calibration.scaling),
            "case_mix": recipe.get("case_mix", CASE_MIX),
        },
        "conformal": {"coverage": facts["coverage"], "limits": list(calibration.limits)},
        "out_of_distribution": {
            "method": "Mahalanobis distance in principal components plus residual, of the classifier's embedding",
            "limit": calibration.out_of_distribution_limit,
        },
        "operating_points": {"malignant": {"threshold": calibration.malignant_threshold, **facts["operating_point"]}},
        "reliability": facts["reliability"],
        "training_data": facts["training_data"],
        "protocol": facts["protocol"],
        "split_sha256": facts["split_sha256"],
        "data_sha256": facts["data_sha256"],
        "metrics": facts["metrics"],
    }
    is_quick = "limit" in recipe
    half.add_to_manifest(manifest, half.golden_phantoms(manifest, folder), folder, leeway=100 if is_quick else 1)
    return manifest
