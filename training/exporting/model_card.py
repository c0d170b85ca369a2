"""Writes `MODEL_CARD.md` from the manifest, so that the two can't say different things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAMES = {
    "dice_lesions": "Dice, pictures with a lesion (a dropped mask counts 0)",
    "dice_lesions_unet_alone": "Dice, pictures with a lesion, before any mask is dropped",
    "dice_with_normals": "Dice, with normals (nothing outlined on a normal counts 1, anything counts 0)",
    "iou_lesions": "Intersection over union, pictures with a lesion",
    "hausdorff95_px": "Hausdorff distance, 95th percentile, stored pixels, where both contours exist",
    "lesions_without_outline": "Lesions without a mask",
    "benign_malignant_auc": "AUC, malignant against benign",
    "accuracy": "Accuracy, three classes",
    "balanced_accuracy": "Balanced accuracy, three classes",
    "macro_auc": "Macro AUC, one against the rest",
    "normal_auc": "AUC, normal against the rest",
    "normal_sensitivity": "Sensitivity for normal",
    "normal_specificity": "Specificity for normal",
    "sensitivity_at_operating_point": "Sensitivity for malignant at the shipped operating point",
    "specificity_at_operating_point": "Specificity for malignant at the shipped operating point",
    "expected_calibration_error_before": "Expected calibration error, before calibration",
    "expected_calibration_error": "Expected calibration error, after calibration",
    "brier_before": "Brier score (0 to 2), before calibration",
    "brier": "Brier score (0 to 2), after calibration",
    "conformal_coverage": "Coverage of the conformal sets",
    "conformal_single": "Pictures with one class in the set",
    "novelty_refused": "Real pictures refused as unlike the training's",
    "abstained": 'Pictures answered with "can\'t tell"',
    "malignant_missed": 'Cancers answered with "usually not cancer" or "no lesion found"',
}


def write(manifest: dict[str, Any], folder: Path) -> None:
    """Write the card beside the manifest."""
    (folder / "MODEL_CARD.md").write_text(card(manifest), encoding="utf-8")


def card(manifest: dict[str, Any]) -> str:
    """The model card as Markdown."""
    networks = manifest["networks"]
    tables = "\n\n".join(_table(name, figures) for name, figures in manifest["metrics"].items())
    point = manifest["operating_points"]["malignant"]
    weight = manifest["calibration"]["parameters"]["unet_weight"]
    mix = ", ".join(f"{share:.0%} {label}" for label, share in manifest["calibration"]["case_mix"].items())
    return f"""# Model card: {manifest["recipe"]} {manifest["version"]}

Made by `python -m training export`; every figure is read from `manifest.json`.

## Intended use

{manifest["intended_use"]} The networks read one grey-scale breast ultrasound picture at a time. They were trained on
pictures from two hospitals and five scanner models; on other scanners they will be worse than the figures below.

## Networks

| stage | network | file | input | ONNX against PyTorch, largest difference |
| --- | --- | --- | --- | --- |
{_network_row("the mask of the lesion", networks["segmentation"])}
{_network_row("the classes", networks["classification"])}
{_halves(manifest)}
Beside these, `layout.onnx` (224 x 224 px; described in `layout.json`) says whether an image is several in one, inverted
or a photo of a screen, and is then declined. It learned from arrangements made of BUSI, BUS-BRA and BrEaST (CC BY 4.0,
Pawlowska et al. 2024), without the reported fold; what it takes for what where a hospital was left out stands in
[the page on declining](../docs/explanation/when-it-declines.md).

## Training data

{chr(10).join(f"- {source}" for source in manifest["training_data"])}

BUSI has no patient identifiers and holds near copies; they are grouped and a group never crosses a fold. Near copies
with conflicting labels are not trained on. Protocol: {manifest["protocol"]}. Split sha256:
`{manifest["split_sha256"]}`, data sha256: `{manifest["data_sha256"]}`.

## Figures

Intervals are 95 % bootstrap intervals that resample groups of near copies (BUSI) or patients (BUS-BRA). The reported
fold was neither trained nor tuned on; threshold, calibration and limits come from another fold
({point["chosen_on"]}).

{tables}

## Decisions

- Probabilities refer to a stated case mix, not to that of a data set: {mix}.
- The U-Net's own head counts {weight:.1f} times as much as the classifier's logits: fitted on the tuning fold, not
  chosen. The heat map adds both in the same proportion.
- A picture is marked for prompt attention at a calibrated probability of malignant of {point["threshold"]:.3f} or more.
- Conformal sets aim at a coverage of {manifest["conformal"]["coverage"]:.0%} per class; a set with several classes
  makes the program say that it can't tell.
- A mask is dropped at a calibrated probability of normal of {manifest["mask"]["normal_limit"]:.2f} or more, even
  where another class leads, unless the mean lesion probability inside it is
  {manifest["mask"]["certain_outline"]:.2f} or more. Where it stays and only *normal* fits, the answer is that the
  program can't tell.
- A picture whose out-of-distribution score is above {manifest["out_of_distribution"]["limit"]:.2f} differs too much
  from the training pictures to be judged.

## Limits

Small test folds: the intervals are wide, read them. No normals in BUS-BRA: how well *normal* is recognised on its
scanners is only known from crops beside the lesions (*lesion free*). Text, rulers and calipers are burned into many
training pictures; a network may lean on them.
No men, no implants, no pictures after surgery are marked as such in the data. Age, skin tone and density are unknown.
"""


def _network_row(stage: str, network: dict[str, Any]) -> str:
    size = network["input_size"]
    return f"| {stage} | {network['name']} | `{network['file']}` | {size} x {size} px, uint8 | {_difference(network)} |"


def _halves(manifest: dict[str, Any]) -> str:
    """A paragraph on the half-precision copies, where there are any."""
    halves = manifest.get("half_precision", {})
    if not halves:
        return ""
    files = " and ".join(f"`{half['file']}`" for half in halves.values())
    largest = max(
        far
        for half in halves.values()
        for name, far in half["against_fp32"].items()
        if name not in ("probability", "novelty")
    )
    steps = halves["segmentation"]["against_fp32"]["probability"]
    score = halves["classification"]["against_fp32"]["novelty"]
    return f"""
{files} are copies in half precision for GPUs; nothing takes them unless asked to. Against the full networks, on golden
pictures: the mask's probability differs by at most {steps:.0f} of 255 steps, the other outputs by {largest:.1e} of
their largest value, the out-of-distribution score by {score:.0%} of its largest value.
"""


def _difference(network: dict[str, Any]) -> str:
    """Rounded outputs differ by whole steps or not at all; the others as a plain number."""
    largest = network["onnx_against_pytorch"]
    return f"{largest:.0f} of 255 steps" if "probability" in network["outputs"] else f"{largest:.1e}"


def _table(name: str, figures: dict[str, dict[str, float]]) -> str:
    rows = [
        f"| {title} | {figures[key]['value']:.3f} | {figures[key]['low']:.3f} to {figures[key]['high']:.3f} |"
        for key, title in NAMES.items()
        if key in figures
    ]
    return "\n".join(
        [f"### {name.replace('_', ' ')}", "", "| figure | value | 95 % interval |", "| --- | --- | --- |", *rows]
    )
