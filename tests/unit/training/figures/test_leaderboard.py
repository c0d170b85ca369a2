"""The leaderboard keeps rows of other machines and replaces its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from tests.unit.training.figures.test_figures import predicted
from training.figures import comparison
from training.figures.judged import judge, save
from training.figures.leaderboard_page import page, whole_page
from training.figures.published import PUBLISHED, published
from training.fitting.calibrate import calibrate
from training.leaderboard import found, main, merged
from training.questions import what_helped

pytestmark = pytest.mark.training

FIGURE = {"value": 0.8, "low": 0.7, "high": 0.9}


def report(folder: Path, recipe: str, fold: int, value: float) -> None:
    run = folder / recipe / f"fold{fold}"
    run.mkdir(parents=True)
    name = recipe.removesuffix("-quick")
    content = {
        "recipe": name, "protocol": "grouped folds", "fold": fold, "leaking": False, "device": "cpu",
        "commit": "0" * 40, "command": "make evaluate", "split_sha256": "1" * 64, "pictures": {"test": 12},
        "metrics": {"busi": {"dice_lesions": FIGURE | {"value": value}}},
    }  # fmt: skip
    (run / "metrics.json").write_text(json.dumps(content), encoding="utf-8")


def write_judged(run: Path, fold: int = 0, first: int = 0) -> None:
    """The decisions on 30 pictures whose names count on from `first`."""
    part = predicted(30, seed=fold)
    rows = judge(part, calibrate(part, part.embeddings))
    save(replace(rows, identifiers=(np.arange(30) + first).astype(np.str_)), run / "judged.npz")


def test_every_evaluated_run_has_a_row_and_quick_runs_have_none(tmp_path: Path) -> None:
    report(tmp_path, "one", 0, 0.8)
    report(tmp_path, "one", 1, 0.7)
    report(tmp_path, "one-quick", 0, 0.1)
    assert [(row["recipe"], row["fold"]) for row in found(tmp_path)] == [("one", 0), ("one", 1)]


def test_a_new_row_replaces_its_own_and_no_other(tmp_path: Path) -> None:
    report(tmp_path / "before", "one", 0, 0.5)
    report(tmp_path / "before", "two", 0, 0.6)
    report(tmp_path / "after", "one", 0, 0.9)
    rows = merged(found(tmp_path / "before"), found(tmp_path / "after"))
    assert {row["recipe"]: row["metrics"]["dice_lesions"]["value"] for row in rows} == {"one": 0.9, "two": 0.6}


def test_a_row_keeps_its_place_when_its_protocol_is_worded_anew_and_leaks_beside_the_honest_one(
    tmp_path: Path,
) -> None:
    report(tmp_path, "one", 0, 0.5)
    row = found(tmp_path)[0]
    rows = merged([row], [row | {"protocol": "the same in other words"}, row | {"leaking": True}])
    assert [(row["protocol"], row["leaking"]) for row in rows] == [
        ("the same in other words", False),
        ("grouped folds", True),
    ]


def test_a_recipe_of_two_classes_is_marked_and_compared_by_what_both_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 20)
    for recipe in ("unet-efficientnetb3", "one"):
        report(tmp_path, recipe, 0, 0.8)
        write_judged(tmp_path / recipe / "fold0")
    path = tmp_path / "one" / "fold0" / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"classes": ["benign", "malignant"]}))
    rows = found(tmp_path)
    gained = next(row for row in rows if row["recipe"] == "one")["against"]["figures"]
    assert "benign_malignant_auc" in gained
    assert not {"balanced_accuracy", "macro_auc", "brier"} & set(gained)
    assert "| one **two classes** |" in page(rows)
    assert "| one **two classes** |" in whole_page(rows)
    assert "fold 0, **benign and malignant alone**" in whole_page(rows)


def test_a_recipe_is_held_against_the_one_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 20)
    for recipe in ("unet-efficientnetb3", "two", "one"):
        report(tmp_path, recipe, 0, 0.8)
        write_judged(tmp_path / recipe / "fold0")
    path = tmp_path / "one" / "fold0" / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"compared_with": "two"}))
    rows = found(tmp_path)
    assert {row["recipe"]: row.get("against", {}).get("recipe") for row in rows} == {
        "one": "two",
        "two": "unet-efficientnetb3",
        "unet-efficientnetb3": None,
    }
    assert "Against `two` on the same pictures" in whole_page(rows)


@pytest.mark.parametrize(
    ("normal_limit", "certain_outline", "words"),
    [
        (0.2, 0.8, "Masks dropped at normal 0.20 below certainty 0.80."),
        (0.2, 1.01, "Masks dropped at normal 0.20, whatever the certainty."),
        (1.01, 1.01, "No mask is dropped."),
    ],
)
def test_a_row_tells_when_its_masks_were_dropped(
    tmp_path: Path, normal_limit: float, certain_outline: float, words: str
) -> None:
    report(tmp_path, "one", 0, 0.8)
    path = tmp_path / "one" / "fold0" / "metrics.json"
    dropping = {"normal_limit": normal_limit, "certain_outline": certain_outline}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dropping": dropping}))
    assert words in whole_page(found(tmp_path))


def test_steps_of_the_enhancement_stand_in_a_table_of_their_own() -> None:
    figure = {"value": 0.021, "low": -0.01, "high": 0.05}
    row = {"recipe": "step", "data": "busi", "fold": 0, "protocol": "reduced: 96 px"}
    row |= {"against": {"recipe": what_helped.ENHANCED, "figures": {"balanced_accuracy": figure}}}
    before, after = what_helped.page([row], None).split("## Enhancing the picture")
    assert "None is trained" in before
    assert "| step (reduced) | busi, 0 | +0.021 (-0.010 to +0.050) |" in after
    assert "shown to be" not in after
    row["recipe"], row["against"]["figures"]["benign_malignant_auc"] = (
        "resnet101-enhanced-clahe",
        figure | {"low": 0.01},
    )
    assert "An AUC that is shown to be more than without: clahe on busi." in what_helped.page([row], None)


def test_the_page_shows_each_figure_with_its_interval(tmp_path: Path) -> None:
    report(tmp_path, "one", 0, 0.8)
    assert "| Dice, lesions | 0.800 | 0.700 to 0.900 |" in whole_page(found(tmp_path))


def test_recipes_stand_side_by_side_with_what_was_published(tmp_path: Path) -> None:
    for recipe in ("unet-efficientnetb3", "unet-segnet"):
        report(tmp_path, recipe, 0, 0.8)
    rows = found(tmp_path)
    for row in rows:
        row["metrics"]["accuracy"] = FIGURE
    lines = [line for line in page(rows).splitlines() if line.startswith(("| **unet-", "| recipe"))]
    assert len(lines) == 3
    assert "published" in lines[0]
    assert "0.800 (0.700 to 0.900) | accuracy 86.39 %, pixel accuracy 95.81 % |" in lines[1]
    assert "0.800 (0.700 to 0.900) | accuracy 93.23 and 98 % |" in lines[2]


@pytest.mark.parametrize("recipe", ["unet-segnet-random", "resnet101-enhanced-clahe", "efficientnetb3-raw"])
def test_an_ablation_stands_beside_nothing_published(recipe: str) -> None:
    assert published(recipe, "busi") == "-"
    assert published("unet-segnet", "busi") == PUBLISHED["unet-segnet"].figures
    assert published("unet-segnet", "busbra") == "-"


def test_a_leaking_row_is_called_one(tmp_path: Path) -> None:
    report(tmp_path, "one", 0, 0.8)
    rows = found(tmp_path)
    rows[0]["leaking"] = True
    assert "| one **leaking** |" in page(rows)
    assert "leaking, for comparison alone" in whole_page(rows)


def test_the_short_page_shows_each_recipe_once_and_hospitals_never_seen_apart(tmp_path: Path) -> None:
    for fold in (0, 1):
        report(tmp_path, "one", fold, 0.8 + fold / 10)
    report(tmp_path, "one-without-busbra", 0, 0.5)
    text = page(found(tmp_path))
    assert [line for line in text.splitlines() if line.startswith("| one ")] == [
        "| one | 0 | - | 0.800 (0.700 to 0.900) |"
    ]
    assert "| one-without-busbra | 0 |" in text.split("as a hospital never seen")[1]


def test_the_pages_that_are_kept_are_what_the_kept_rows_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {
        "--page": Path("docs/reference/leaderboard.md"),
        "--comparison": Path("docs/explanation/raw-segmented-truemask.md"),
        "--what-helped": Path("docs/explanation/what-helped.md"),
    }
    results = tmp_path / "results"
    copytree("training/results", results)
    written = {option: tmp_path / path.name for option, path in pages.items()}
    options = [text for option, path in written.items() for text in (option, str(path))]
    options += ["--results", str(results / "leaderboard.json"), "--runs", str(tmp_path / "runs"), "--all"]
    monkeypatch.setattr("sys.argv", ["training.leaderboard", *options])
    main()
    for option, path in pages.items():
        assert written[option].read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), path
    assert len(pages["--page"].read_text(encoding="utf-8").splitlines()) < 250
    assert "# Every row" in (tmp_path / "runs" / "leaderboard.md").read_text(encoding="utf-8")


def test_five_folds_give_a_row_over_all_of_their_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 20)
    for fold in range(5):
        report(tmp_path, "one", fold, 0.8)
        write_judged(tmp_path / "one" / f"fold{fold}", fold, 30 * fold)
    whole = {row["data"]: row for row in found(tmp_path) if row["fold"] == "all"}
    assert sum(whole["busi"]["answers"]["benign"].values()) == 50
    assert whole["busi"]["metrics"]["dice_lesions"]["value"] == 1.0
    assert whole["busi"]["pictures"] == {"test": 5 * 12}  # not the lesion-free squares, which are judged too


def test_folds_that_were_trained_otherwise_give_no_row_over_all(tmp_path: Path) -> None:
    for fold in range(5):
        report(tmp_path, "one", fold, 0.8)
        write_judged(tmp_path / "one" / f"fold{fold}", fold, 30 * fold)
        path = tmp_path / "one" / f"fold{fold}" / "metrics.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"recipe_sha256": "a" if fold else "b"}))
    assert {row["fold"] for row in found(tmp_path)} == set(range(5))


def test_a_row_says_under_which_name_its_commit_knows_the_recipe(tmp_path: Path) -> None:
    report(tmp_path, "one", 0, 0.8)
    rows = found(tmp_path)
    named = merged([row | {"name_at_commit": "former"} for row in rows], rows)
    assert "where the recipe is called `former`" in whole_page(named)
    again = [row | {"created": "later"} for row in rows]
    assert "where the recipe is called" not in whole_page(merged(named, again))


def test_folds_that_report_the_same_pictures_give_no_row_over_all(tmp_path: Path) -> None:
    for fold in range(5):
        report(tmp_path, "one", fold, 0.8)
        write_judged(tmp_path / "one" / f"fold{fold}", fold)
    assert {row["fold"] for row in found(tmp_path)} == set(range(5))


def test_the_comparison_names_what_is_not_measured_yet(tmp_path: Path) -> None:
    report(tmp_path, comparison.SEGMENTED, 0, 0.8)
    rows = found(tmp_path)
    rows[0]["metrics"]["benign_malignant_auc_classifier_alone"] = FIGURE
    text = comparison.page(rows, {"busi": FIGURE})
    assert "| busi | 0.800 (0.700 to 0.900) |" in text.split("## What the contour alone says")[1]
    assert "| segmented | 0.800 (0.700 to 0.900) |" in text
    assert "Not measured yet: `efficientnetb3-raw` and `efficientnetb3-truemask`" in text


@pytest.mark.parametrize(
    ("raw", "words"), [(0.85, "1 of 1 columns"), (0.75, "0 of 1 columns"), (0.5, "ahead more often")]
)
def test_the_comparison_says_what_its_tables_show(tmp_path: Path, raw: float, words: str) -> None:
    for recipe, value in ((comparison.SEGMENTED, 0.8), (comparison.RAW, raw)):
        report(tmp_path, recipe, 0, 0.8)
        path = tmp_path / recipe / "fold0" / "metrics.json"
        content = json.loads(path.read_text())
        figure = {"value": value, "low": value - 0.1, "high": value + 0.1}
        content["metrics"]["busi"]["benign_malignant_auc"] = figure
        path.write_text(json.dumps(content))
    text = comparison.page(found(tmp_path)).replace("\n", " ")
    assert words in text
    assert ("not shown to help" in text) == (raw > 0.7)


def test_a_recipe_that_was_compared_has_a_line_in_what_helped() -> None:
    figure = {"value": 0.021, "low": -0.01, "high": 0.05}
    row = {
        "recipe": "one",
        "data": "busi",
        "fold": 0,
        "protocol": "reduced: 96 px",
        "against": {"recipe": "unet-efficientnetb3", "figures": {"balanced_accuracy": figure}},
    }
    assert "| one (reduced) | busi, 0 | +0.021 (-0.010 to +0.050) |" in what_helped.page([row], None)
    assert "None is trained and measured yet" in what_helped.page([], None)


def test_variations_are_measured_against_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 20)
    tune = predicted(240)
    tune.logits[:] *= 6
    found = what_helped.measured(tune, tune, calibrate(tune, tune.embeddings))
    raw = found["variations"]["both added as they are, no calibration"]
    assert raw["log_loss"] > found["shipped"]["log_loss"]
    assert raw["differences"]["busi"]["expected_calibration_error"]["value"] > 0
    assert "| *shipped* |" in what_helped.page([], found)
