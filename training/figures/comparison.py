"""Raw, segmented, true mask: the page that compares them, and its picture, drawn from our own synthetic ultrasound.

The page is written by `make leaderboard` from the rows of the three recipes; `python -m training.figures.comparison`
draws the picture.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

from imaging.phantom import lesion_mask, speckle
from imaging.statistics.intervals import Figure
from training.figures.leaderboard_page import TITLES, figure_text
from training.figures.served import Networks

Row = dict[str, Any]

RAW, SEGMENTED = "efficientnetb3-raw", "unet-efficientnetb3"
RECIPES = {RAW: "raw", SEGMENTED: "segmented", "efficientnetb3-truemask": "true mask"}
FIGURES = (
    "benign_malignant_auc_classifier_alone",
    "balanced_accuracy_classifier_alone",
    "benign_malignant_auc",
    "balanced_accuracy",
    "malignant_sensitivity",
    "normal_sensitivity",
)
SETS = ("busi", "busbra")
PICTURE = Path("docs/images/raw-segmented-truemask.png")
SEED, LESION = 3, "oval"

HEAD = """# Raw, segmented, true mask

Research software, not a medical device: these are figures of pictures, not of a person.

Does it help the classifier that the U-Net outlines the lesion first? Three classifiers of the same kind answer that.
All three learned as the default recipe does, from pictures and windows of them.
They differ in what they are shown, and in one thing more: *segmented* learns from masks by networks that trained for
a shorter time, at a smaller size, on half of the pictures each, and is then shown better ones.


- **raw**: the whole picture; the two mask channels are empty.
- **segmented**: the picture cropped to the U-Net's outline with a border of a quarter of the lesion, the U-Net's
  probability as a second channel, and the picture under that soft mask as a third. This is what the product does. The
  classifier learned from masks by networks that had not seen the picture.
- **true mask**: the same with the expert's mask instead of the U-Net's. Nobody has that in practice. On a
  normal picture the mask is empty, so this classifier can read *normal* off the mask itself; its figures for *normal*
  say nothing. Nor does a mask tell only where the lesion is: how smoothly its contour was drawn nearly gives the
  diagnosis away, as the last table shows. So this is no ceiling that a better U-Net could reach.

![What each classifier is shown of one synthetic picture](../images/raw-segmented-truemask.png)

The picture is our own synthetic ultrasound (`imaging/phantom.py`), prepared by the code that serves. Each row is what
one classifier is shown, channel by channel. `python -m training.figures.comparison` draws it.
"""
NOTE = """
All three share the U-Net and its small class head, which sees the whole picture. *Classifier alone* leaves that head
out, so it answers the question. The other columns are what the product would say: the head's logits are added to the
classifier's in a proportion fitted on the tuning fold, for each of the three anew. Intervals that overlap do not tell
systems apart; the differences on the same pictures stand in `training/results/leaderboard.json`, and on the page that
`make leaderboard FLAGS=--all` draws. All recipes: [leaderboard](../reference/leaderboard.md).
"""
SHAPES = """
## What the contour alone says

No network and no pixel of the picture: only how notched the expert's contour is (its area over that of its convex hull,
`python -m training.questions.mask_shape`). Whoever drew these masks drew benign lesions smooth.
"""


def page(rows: list[Row], shapes: dict[str, Figure] | None = None) -> str:
    """The comparison as Markdown, from the leaderboard's rows; recipes without a row yet are named as such.

    Args:
        shapes: per data set, the AUC of the expert's mask alone (`mask_shape`), where it was measured.
    """
    sets = {data: {row["recipe"]: row for row in _preferred(rows, data)} for data in SETS}
    parts = [HEAD, *(_table(data, own) for data, own in sets.items() if own), _found(list(sets.values()))]
    missing = [name for name in RECIPES if not any(row["recipe"] == name for row in rows)]
    if missing:
        named = " and ".join(f"`{name}`" for name in missing)
        parts.append(f"\nNot measured yet: {named} (`make train evaluate RECIPE=...`, then `make leaderboard`).\n")
    return "\n".join(parts) + NOTE + (_shapes(shapes) if shapes else "")


def _shapes(shapes: dict[str, Figure]) -> str:
    rows = "\n".join(f"| {data} | {figure_text(dict(figure))} |" for data, figure in shapes.items())
    return f"{SHAPES}\n| data, fold 0 | AUC malignant / benign of the contour's solidity |\n| --- | --- |\n{rows}\n"


def _found(sets: list[dict[str, Row]]) -> str:
    """What the tables show of raw against segmented, counted over all of their columns."""
    pairs = [
        (own[RAW]["metrics"][key], own[SEGMENTED]["metrics"][key])
        for own in sets
        for key in FIGURES
        if all(name in own and key in own[name]["metrics"] for name in (RAW, SEGMENTED))
    ]
    if not pairs:
        return ""
    not_worse = sum(raw["value"] >= segmented["value"] for raw, segmented in pairs)
    overlap = sum(raw["low"] <= segmented["high"] and segmented["low"] <= raw["high"] for raw, segmented in pairs)
    help_shown = "not shown to help" if 2 * not_worse >= len(pairs) or overlap == len(pairs) else "ahead more often"
    return textwrap.fill(
        f"*Raw* does as well as *segmented* or better in {not_worse} of {len(pairs)} columns; their intervals overlap "
        f"in {overlap}. So far outlining first is {help_shown} here.",
        120,
    )


def _preferred(rows: list[Row], data: str) -> list[Row]:
    """The rows of the three recipes on one data set; over all folds only where all of them have such a row."""
    own = [row for row in rows if row["data"] == data and row["recipe"] in RECIPES and not row["leaking"]]
    whole = [row for row in own if row["fold"] == "all"]
    return whole if len({row["recipe"] for row in whole}) == len(RECIPES) else [r for r in own if r["fold"] == 0]


def _table(data: str, rows: dict[str, Row]) -> str:
    keys = [key for key in FIGURES if any(key in row["metrics"] for row in rows.values())]
    fold = next(iter(rows.values()))["fold"]
    lines = [f"## {data}, fold {fold}\n", f"| shown | {' | '.join(TITLES[key] for key in keys)} |"]
    lines.append("| --- |" + " --- |" * len(keys))
    for name, title in RECIPES.items():
        if name in rows:
            cells = " | ".join(figure_text(rows[name]["metrics"].get(key)) for key in keys)
            lines.append(f"| {title} | {cells} |")
    return "\n".join(lines) + "\n"


def draw(models: Path, path: Path) -> None:
    """Draw what each of the three classifiers is shown of one synthetic picture."""
    networks, pixels = Networks(models), speckle(SEED, LESION)
    maps = {
        "raw": np.zeros_like(pixels),
        "segmented": networks.outlined(pixels)[0],
        "true mask": lesion_mask(SEED, LESION).astype(np.uint8) * 255,
    }
    figure, axes = plt.subplots(3, 3, figsize=(6, 6.4))
    for row, (name, drawn) in zip(axes, maps.items(), strict=True):
        channels, _ = networks.shown(pixels, drawn)
        for one, channel, title in zip(row, channels, ("picture", "mask", "picture under the mask"), strict=True):
            one.imshow(channel, cmap="gray", vmin=0, vmax=255)
            one.set_xticks([])
            one.set_yticks([])
            if name == "raw":
                one.set_title(title, fontsize=10)
        row[0].set_ylabel(name)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    draw(Path("models"), PICTURE)
