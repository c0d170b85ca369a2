"""The leaderboard as Markdown: a short page that is kept, and every figure of every row, drawn on demand."""

from __future__ import annotations

from typing import Any

from training.datasets.sample import LABELS
from training.figures.published import PUBLISHED, published

Row = dict[str, Any]

TITLES = {
    "dice_lesions_unet_alone": "Dice, lesions, U-Net alone",
    "dice_lesions": "Dice, lesions",
    "dice_with_normals": "Dice, with normals",
    "iou_lesions_unet_alone": "IoU, lesions, U-Net alone",
    "iou_lesions": "IoU, lesions",
    "iou_with_normals": "IoU, with normals",
    "hausdorff95_px": "HD95, px",
    "lesions_without_outline": "lesions without a mask",
    "benign_malignant_auc": "AUC malignant / benign",
    "benign_malignant_auc_classifier_alone": "AUC malignant / benign, classifier alone",
    "benign_malignant_auc_head_alone": "AUC malignant / benign, U-Net's head alone",
    "macro_auc": "macro AUC",
    "normal_auc": "AUC normal / rest",
    "balanced_accuracy": "balanced accuracy",
    "balanced_accuracy_classifier_alone": "balanced accuracy, classifier alone, uncalibrated",
    "accuracy": "accuracy",
    **{
        f"{label}_{figure}": f"{label}, {figure if figure != 'f1' else 'F1'}"
        for label in ("benign", "malignant", "normal")
        for figure in ("precision", "sensitivity", "specificity", "f1")
    },
    "sensitivity_at_operating_point": "malignant, sensitivity at the operating point",
    "specificity_at_operating_point": "malignant, specificity at the operating point",
    "expected_calibration_error_before": "calibration error before calibration",
    "expected_calibration_error": "calibration error",
    "brier_before": "Brier score before calibration",
    "brier": "Brier score",
    "conformal_coverage": "coverage of the conformal sets",
    "conformal_single": "sets with one class",
    "abstained": 'answered with "can\'t tell"',
    "abstained_malignant": 'cancers answered with "can\'t tell"',
    "malignant_missed": "cancers told that it is usually none, or that none was found",
    "malignant_missed_without_abstaining": 'the same, had every "can\'t tell" been answered',
    "novelty_refused": "refused as unlike the training's",
    "novelty_refused_malignant": "cancers among the refused",
}
SHORT = (
    "dice_lesions",
    "benign_malignant_auc",
    "balanced_accuracy",
    "normal_sensitivity",
    "sensitivity_at_operating_point",
    "specificity_at_operating_point",
    "expected_calibration_error",
    "accuracy",
)
DATA_TITLES = {
    "busi": "BUSI, one hospital in Cairo, full of near copies",
    "busbra": "BUS-BRA, one hospital in Rio de Janeiro, no normals",
    "mias": "MIAS, mammograms",
}
PARTS = ("_lesion_free", "_without_conflicts")  # sets made from another one
WHOLE = "leaderboard.md"  # the page of every figure, in the folder of the runs
LEFT_OUT = "-without-"  # in the name of a recipe that is tested on all images of a hospital that it did not learn from
SIDE_BY_SIDE = (
    "dice_lesions_unet_alone",
    "dice_lesions",
    "dice_with_normals",
    "benign_malignant_auc",
    "balanced_accuracy",
    "normal_sensitivity",
    "normal_specificity",
    "sensitivity_at_operating_point",
    "specificity_at_operating_point",
    "expected_calibration_error",
    "accuracy",
)
SHORT_HEAD = """# Leaderboard

Research software, not a medical device: these are figures of pictures, not of a person.

The default recipe, the five systems and their ablations, one table a data set; the default recipe and the other systems
stand first, in bold. `make leaderboard` writes this page from `training/results/leaderboard.json`, which holds more:
every figure, class, scanner, BI-RADS category, origin and difference of every row.
`make leaderboard FLAGS=--all` draws all of that as a page, `runs/leaderboard.md`, which is not kept in the repository.

- Each value has its 95 % bootstrap interval; groups of near copies (BUSI) or patients are drawn whole. The fold that is
  reported was neither trained nor tuned on. One fold tells apart what differs by fifteen points, not by five.
- *Images* are those of the test fold. *Dice, lesions* is of images that hold a lesion, where no mask counts 0.
  *Sensitivity* and *specificity* are of malignant at the operating point that was fitted on the tuning fold.
  [The words](glossary.md).
- **two classes**: benign and malignant images alone, an easier question; don't hold these rows against the others.
  **leaking**: split image by image, near copies on both sides, for comparison alone.
- *Published*: what the paper behind a system reports, on a split of its own that nobody can repeat
  ([why that is higher](../explanation/published-and-honest.md)).
"""
HEAD = """# Every figure of the leaderboard

Research software, not a medical device: these are figures of pictures, not of a person.

Written by `make leaderboard FLAGS=--all` from `training/results/leaderboard.json`. Intervals are 95 % bootstrap
intervals that resample groups of near copies (BUSI) or patients (BUS-BRA, MIAS), never single pictures. A fold that is
reported was neither trained nor tuned on, except in rows marked **leaking**, which are there for comparison alone. Each
row says on which fold it rests; differences of a few points on one fold mean nothing.

- *Lesions*: pictures that hold one; a lesion without a mask counts 0. *U-Net alone* is before a mask is dropped
  because the probability of normal is at or above its limit, which it can be where another class leads, and the U-Net
  is not certain of it. In rows whose origin names no certainty, which are older, the class alone dropped masks.
  *With normals*: on a normal picture an empty mask counts 1, any other 0.
- *HD95*: 95th percentile of the distance between both contours in stored pixels (long side at most 448), where both
  exist.
- *Accuracy*, balanced accuracy, calibration error and Brier score are of the classes that a recipe tells apart: three;
  in rows marked **two classes** benign and malignant, and of such pictures alone. That is an easier question: don't
  hold these rows against the others. BUS-BRA has no normals, so it can't show how well they are told apart.
- *Calibration error and Brier score* are of the data set's own mix of classes, while probabilities are fitted to a
  stated one (half benign, three tenths malignant, a fifth normal). Where the two differ, as on *lesion free* and on
  BUS-BRA, a part of the error is that difference.
- *lesion free*: crops beside the lesions of the same test pictures, which stand in for the normals that a hospital did
  not publish. All are normal, so only figures of normals exist. They are square, without skin line or writing, and
  recipes that do not learn from windows are shown no lesion like that: a part of their figure is the crop itself.
- *busi without conflicts*: without near copies whose labels contradict each other. The grouped fold 0 holds none.

Why the published figures are higher: `docs/explanation/published-and-honest.md`.
"""


def page(rows: list[Row]) -> str:
    """One table a data set, one row a recipe: over all folds where there is such a row, else of the first fold."""
    kept = [row for row in _one_of_each(rows) if not row["data"].endswith(PARTS)]
    parts = [SHORT_HEAD]
    for data in [*DATA_TITLES, *sorted({row["data"] for row in kept} - set(DATA_TITLES))]:
        title = DATA_TITLES.get(data, data)
        own = [row for row in kept if row["data"] == data]
        known = [row for row in own if LEFT_OUT not in row["recipe"]]
        unseen = [row for row in own if LEFT_OUT in row["recipe"]]
        parts += [_short_table(title, data, known)] if known else []
        parts += [_short_table(f"{title}: as a hospital never seen, all of its images", data, unseen)] if unseen else []
    return "\n".join(parts)


def _one_of_each(rows: list[Row]) -> list[Row]:
    """One row of each recipe and data set, the systems before their ablations, the default recipe first."""
    found: dict[tuple[str, str, bool], Row] = {}
    for row in sorted(rows, key=lambda row: (row["fold"] != "all", str(row["fold"]))):
        found.setdefault((row["recipe"], row["data"], row["leaking"]), row)
    systems = list(PUBLISHED)
    return sorted(
        found.values(),
        key=lambda row: (systems.index(row["recipe"]) if row["recipe"] in systems else len(systems), row["recipe"]),
    )


def _short_table(title: str, data: str, rows: list[Row]) -> str:
    keys = [key for key in SHORT if any(key in row["metrics"] for row in rows)]
    has_published = any(published(row["recipe"], data) != "-" for row in rows)
    titles = ["recipe", "fold", "images", *(TITLES[key] for key in keys), *(["published"] * has_published)]
    lines = [f"## {title}\n", _line(titles), _line(["---"] * len(titles))]
    for row in rows:
        name = f"**{row['recipe']}**" if row["recipe"] in PUBLISHED else row["recipe"]
        cells = [f"{name}{_marks(row)}", str(row["fold"]), _images(row)]
        cells += [figure_text(row["metrics"].get(key)) for key in keys]
        lines.append(_line([*cells, published(row["recipe"], data)] if has_published else cells))
    return "\n".join([*lines, ""])


def _images(row: Row) -> str:
    """How many images of the data set were answered; a dash in rows made before that was kept."""
    return str(sum(sum(counts.values()) for counts in row["answers"].values())) if row.get("answers") else "-"


def whole_page(rows: list[Row]) -> str:
    """All recipes side by side per data set, then every figure of every row."""
    sets = sorted({row["data"] for row in rows})
    tables = [_side_by_side(data, [row for row in rows if row["data"] == data]) for data in sets]
    details = [_details(row) for row in rows]
    return "\n".join([HEAD, *tables, "# Every row\n", *details])


def figure_text(figure: dict[str, float] | None) -> str:
    """Value and interval, or a dash."""
    return f"{_number(figure['value'])} ({_number(figure['low'])} to {_number(figure['high'])})" if figure else "-"


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _side_by_side(data: str, rows: list[Row]) -> str:
    keys = [key for key in SIDE_BY_SIDE if any(key in row["metrics"] for row in rows)]
    titles = ["recipe", "fold", *(TITLES[key] for key in keys)]
    has_published = "accuracy" in keys and any(published(row["recipe"], data) != "-" for row in rows)
    titles += ["published"] if has_published else []
    lines = [f"## {_title(data)}\n", _line(titles), _line(["---"] * len(titles))]
    for row in rows:
        cells = [_name(row), str(row["fold"]), *(figure_text(row["metrics"].get(key)) for key in keys)]
        lines.append(_line([*cells, published(row["recipe"], data)] if has_published else cells))
    return "\n".join([*lines, ""])


def knows_fewer_classes(row: Row) -> bool:
    """Whether the recipe of a row does not tell all classes apart."""
    return len(row.get("classes", LABELS)) < len(LABELS)


def _name(row: Row) -> str:
    return f"{row['recipe']}{_marks(row)}"


def _marks(row: Row) -> str:
    return " **two classes**" * knows_fewer_classes(row) + " **leaking**" * row["leaking"]


def _title(data: str) -> str:
    return data.replace("_", " ")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _details(row: Row) -> str:
    classes = f", **{' and '.join(row['classes'])} alone**" if knows_fewer_classes(row) else ""
    leak = ", **leaking, for comparison alone**" if row["leaking"] else ""
    lines = [f"## {row['recipe']} on {_title(row['data'])}, fold {row['fold']}{classes}{leak}\n", _origin(row), ""]
    lines += ["| figure | value | 95 % interval |", "| --- | --- | --- |"]
    lines += [
        _line([title, _number(figure["value"]), f"{_number(figure['low'])} to {_number(figure['high'])}"])
        for key, title in TITLES.items()
        if (figure := row["metrics"].get(key))
    ]
    return "\n".join([*lines, "", *_against(row), *_answers(row), *_subgroups(row)])


def _against(row: Row) -> list[str]:
    if "against" not in row:
        return []
    other, found = row["against"]["recipe"], row["against"]["figures"]
    lines = [f"Against `{other}` on the same pictures (above 0: more than that one):\n"]
    lines += ["| figure | difference | 95 % interval |", "| --- | --- | --- |"]
    lines += [
        _line([TITLES[key], f"{figure['value']:+.3f}", f"{figure['low']:+.3f} to {figure['high']:+.3f}"])
        for key, figure in found.items()
    ]
    return [*lines, ""]


def _origin(row: Row) -> str:
    facts = [
        f"Protocol: {row['protocol']}",
        f"Device: {row['device']}",
        f"Measured at commit: {_short(row['commit'].split(', '))}{_then_called(row)}",
        f"Split: `{row['split_sha256'][:12]}`",
    ]
    if row.get("trained_at_commit"):
        facts.insert(2, f"Trained at: {_short(row['trained_at_commit'])}")
    if "data_sha256" in row:
        facts.append(f"Data: `{row['data_sha256'][:12]}`")
    if "dropping" in row:
        facts.append(_dropping(**row["dropping"]))
    if row.get("training_seconds"):
        facts.append(f"Training of the networks of this run alone: {row['training_seconds'] / 60:.0f} minutes")
    if "created" in row:
        facts.append(f"Measured: {row['created']}")
    return f"{'. '.join(facts)}. Command: `{row['command']}`"


def _short(commits: list[str]) -> str:
    return ", ".join(f"`{commit[:10]}`" for commit in commits)


def _then_called(row: Row) -> str:
    """Under which name the recipe of a row is found at the commit that measured it, where it has another one now."""
    return f", where the recipe is called `{row['name_at_commit']}`" if "name_at_commit" in row else ""


def _dropping(normal_limit: float, certain_outline: float) -> str:
    if normal_limit > 1:
        return "No mask is dropped"
    limit = f" below certainty {certain_outline:.2f}" if certain_outline <= 1 else ", whatever the certainty"
    return f"Masks dropped at normal {normal_limit:.2f}{limit}"


def _answers(row: Row) -> list[str]:
    found = row.get("answers")
    if not found:
        return []
    answers = list(next(iter(found.values())))
    lines = ["What people would be told:\n", _line(["true class", *answers]), _line(["---"] * (len(answers) + 1))]
    lines += [_line([label, *(str(count) for count in counts.values())]) for label, counts in found.items()]
    return [*lines, ""]


def _subgroups(row: Row) -> list[str]:
    lines: list[str] = []
    for name, title in (("birads", "BI-RADS"), ("device", "scanner")):
        parts = row.get("subgroups", {}).get(name, {})
        keys = [key for key in TITLES if any(key in part["metrics"] for part in parts.values())]
        if keys:
            lines += [_line([title, "pictures", "malignant", *(TITLES[key] for key in keys)])]
            lines += [_line(["---"] * (len(keys) + 3))]
            lines += [
                _line(
                    [value, str(part["pictures"]), str(part["malignant"])]
                    + [figure_text(part["metrics"].get(key)) for key in keys]
                )
                for value, part in parts.items()
            ]
            lines.append("")
    return lines
