"""The figures that the networks are steered by: what was measured has a key, what was not has none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.figures.test_figures import predicted
from training.figures import targets
from training.figures.judged import Judged, judge, save
from training.figures.metrics import figures_of
from training.fitting.calibrate import calibrate

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore::FutureWarning:monai")]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 20)


def decided(source: str, count: int = 60, seed: int = 0) -> Judged:
    part = predicted(count, seed=seed)
    rows = judge(part, calibrate(part, part.embeddings))
    return replace(rows, sources=np.full(count, source), groups=np.asarray([f"{source}{n}" for n in range(count)]))


def write_run(runs: Path, name: str, *rows: Judged, fold: int = 0) -> None:
    folder = runs / name / f"fold{fold}"
    folder.mkdir(parents=True)
    kept = {field: np.concatenate([getattr(one, field) for one in rows]) for field in rows[0].arrays()}
    save(Judged(**kept), folder / "judged.npz")


def test_one_left_out_hospital_gives_its_own_keys_and_no_mean(tmp_path: Path) -> None:
    rows = decided("breast")
    write_run(tmp_path, "unet-lite0-without-breast", rows, decided("breast_lesion_free"))
    found = dict(targets.measured(tmp_path))
    assert set(found) == {
        "unseen_breast_auc",
        "unseen_breast_dice",
        "unseen_breast_cancers_reassured",
        "unseen_breast_harmless_urgent",
    }
    assert found["unseen_breast_auc"]["value"] == figures_of(rows)["benign_malignant_auc"]["value"]
    assert all(figure["command"] == "make evaluate RECIPE=unet-lite0-without-breast" for figure in found.values())
    assert all(figure["low"] <= figure["value"] <= figure["high"] for figure in found.values())


def test_every_hospital_weighs_alike_in_the_means(tmp_path: Path) -> None:
    parts = {"busi": decided("busi", 30), "busbra": decided("busbra", 300, seed=1), "breast": decided("breast", 60)}
    for hospital, rows in parts.items():
        write_run(tmp_path, f"unet-lite0-without-{hospital}", rows, decided(f"{hospital}_lesion_free", 30))
    found = dict(targets.measured(tmp_path))
    own = [figures_of(rows)["expected_calibration_error"]["value"] for rows in parts.values()]
    assert found["unseen_ece"]["value"] == pytest.approx(np.mean(own))
    assert 0 <= found["unseen_lesion_free_normal"]["value"] <= 1
    assert found["unseen_answered"]["value"] == pytest.approx(
        1 - np.mean([figures_of(rows)["abstained"]["value"] for rows in parts.values()])
    )


def test_five_folds_give_figures_and_four_give_none(tmp_path: Path) -> None:
    for fold in range(4):
        write_run(tmp_path, "unet-lite0", decided("busi"), decided("busbra"), fold=fold)
    assert dict(targets.measured(tmp_path)) == {}
    write_run(tmp_path, "unet-lite0", decided("busi"), decided("busbra"), fold=4)
    assert {"folds_busi_auc", "folds_busi_normal_sensitivity", "folds_busbra_dice"} <= set(
        dict(targets.measured(tmp_path))
    )


def test_agreement_with_radiologists_comes_from_the_question_that_was_asked(tmp_path: Path) -> None:
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    asked = {"command": "python -m training.questions.descriptors", "margin": {"model": {"kappa": figure}}}
    (tmp_path / "descriptors.json").write_text(json.dumps(asked))
    targets.write(tmp_path / "runs", tmp_path / "targets.json")
    kept = json.loads((tmp_path / "targets.json").read_text())
    assert kept == {"kappa_margin": figure | {"command": "python -m training.questions.descriptors"}}


def test_what_another_machine_measured_stays_until_it_is_measured_again(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "unet-lite0-without-busbra", decided("busbra"))
    path = tmp_path / "targets.json"
    path.write_text(json.dumps({"kappa_shape": {"value": 0.4}, "unseen_busbra_auc": {"value": 0.1}}))
    targets.write(tmp_path / "runs", path)
    kept = json.loads(path.read_text())
    assert kept["kappa_shape"] == {"value": 0.4}
    assert kept["unseen_busbra_auc"]["value"] != 0.1
    assert list(kept) == sorted(kept)
