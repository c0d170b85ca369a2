"""Who trains and who is reported, where a recipe asks for more than a split of its own sources."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.factories.datasets import write_published_busbra
from training.datasets import busbra
from training.datasets.sample import LABELS, Sample
from training.figures import evaluate
from training.preparation import recipe as recipes
from training.preparation.splits import split
from training.preparation.transfer import known, parts_of, separate, sources_of

pytestmark = pytest.mark.training


def samples(source: str, count: int = 60) -> list[Sample]:
    return [
        Sample(f"{source}{n}", source, LABELS[n % 3], (n // 2) % 5, f"{source}-{n // 2}", Path("none"), ())
        for n in range(count)
    ]


def test_frozen_transfer_reports_all_of_the_other_set_and_nothing_of_its_own() -> None:
    recipe = {"sources": ["busi"], "test_on": ["busbra"]}
    assert sources_of(recipe) == ["busi", "busbra"]
    parts = parts_of(recipe, samples("busi") + samples("busbra"), fold=0)
    assert {s.source for s in parts.train + parts.tune} == {"busi"}
    assert [s.identifier for s in parts.test] == [s.identifier for s in samples("busbra")]


def test_who_leaves_a_hospital_out_learns_from_all_others_but_the_fold_that_tunes() -> None:
    recipe = {"sources": ["busi"], "test_on": ["busbra"], "leave_out": "busbra"}
    parts = parts_of(recipe, samples("busi") + samples("busbra"), fold=0)
    assert {s.fold for s in parts.tune} == {1}
    assert {s.fold for s in parts.train} == {0, 2, 3, 4}
    assert {s.source for s in parts.test} == {"busbra"}
    assert evaluate.protocol(recipe, parts).endswith("tuned on one fold; reported frozen on busbra")


def test_of_a_set_that_is_trained_on_only_the_fold_kept_out_is_reported() -> None:
    recipe = {"sources": ["busi"], "test_on": ["busi", "busbra"]}
    assert sources_of(recipe) == ["busi", "busbra"]
    parts = parts_of(recipe, samples("busi") + samples("busbra"), fold=2)
    assert {s.fold for s in parts.test if s.source == "busi"} == {2}
    assert {s.identifier for s in parts.test}.isdisjoint(s.identifier for s in parts.train + parts.tune)


def test_without_test_on_a_recipe_is_split_as_ever() -> None:
    parts = parts_of({"sources": ["busi"]}, samples("busi"), fold=1)
    assert {s.fold for s in parts.test} == {1}
    assert len(parts.train) == 36


def test_only_a_recipe_that_asks_for_it_leaks() -> None:
    assert not parts_of({"sources": ["busi"]}, samples("busi"), fold=0).is_leaking
    assert parts_of({"sources": ["busi"], "protocol": "random"}, samples("busi"), fold=0).is_leaking


def test_a_recipe_of_two_classes_meets_no_third() -> None:
    kept = known({"classes": ["benign", "malignant"]}, samples("busi"))
    assert {s.label for s in kept} == {"benign", "malignant"}
    assert known({}, samples("busi")) == samples("busi")


def test_the_part_kept_apart_for_the_unet_shares_no_group_with_the_rest() -> None:
    apart, rest = separate(samples("busi"), 0.25)
    assert {s.group for s in apart}.isdisjoint(s.group for s in rest)
    assert (len(apart), len(rest)) == (16, 44)
    assert separate(samples("busi")[::-1], 0.25)[0] == apart[::-1]


def test_without_a_share_both_networks_learn_from_all() -> None:
    everyone = samples("busi")
    assert separate(everyone, None) == (everyone, everyone)


def test_a_tuning_part_without_normals_gets_crops_for_them_where_the_recipe_knows_normals(tmp_path: Path) -> None:
    pictures = busbra.read(write_published_busbra(tmp_path / "busbra", cases=30))
    recipe = recipes.read("unet-efficientnetb3-without-busi")
    parts = split(pictures, 0)
    assert len(evaluate._stand_ins(recipe, parts)) == len(parts.tune)
    assert "its lesion-free crops as normals" in evaluate.protocol(recipe, parts)
    assert evaluate._stand_ins(recipes.read("unet-segnet-without-busi"), parts) == []


@pytest.mark.parametrize(("name", "asked"), [("unet-efficientnetb3-without-busi", 3), ("unet-efficientnetb3", 4)])
def test_what_the_score_knows_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, asked: int
) -> None:
    parts = split(busbra.read(write_published_busbra(tmp_path / "busbra", cases=30)), 0)
    stand_ins = evaluate._stand_ins
    monkeypatch.setattr(evaluate, "_stand_ins", lambda recipe, of: stand_ins(recipe, of) if asked == 3 else [])
    seen: list[list[str]] = []

    def noted(
        _trained: object, _recipe: object, samples: list[Sample], _path: Path, **_wishes: bool
    ) -> SimpleNamespace:
        seen.append([sample.identifier for sample in samples])
        return SimpleNamespace(embeddings=np.zeros((len(samples), 4), dtype=np.float32))

    monkeypatch.setattr(evaluate, "_predicted", noted)
    familiar: list[int] = []
    monkeypatch.setattr(
        evaluate, "calibrate", lambda _tune, known, _mix, kept: familiar.extend([len(known), len(kept)])
    )
    evaluate.calibrated(None, recipes.read(name), parts, tmp_path)  # type: ignore[arg-type]
    assert len(seen) == asked
    assert familiar == [2 * len(parts.train), 2 * len(parts.tune)]
    assert all(len(set(names)) == len(names) for names in seen)
