"""Recipes are data: each can be read, and an ablation differs from its base in what it says and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from training.datasets import READERS
from training.datasets.sample import LABELS
from training.fitting import pipeline, segmentation
from training.networks import JUDGES, OUTLINES, unet
from training.preparation import recipe as recipes
from training.preparation.enhancement import STEPS
from training.preparation.transfer import sources_of

pytestmark = pytest.mark.training

EVERY_RECIPE = pytest.mark.parametrize("name", sorted(path.stem for path in recipes.EXPERIMENTS.glob("*.yaml")))


@EVERY_RECIPE
def test_every_recipe_is_named_like_its_file_and_its_draws_are_shares(name: str) -> None:
    recipe = recipes.read(name)
    assert recipe["name"] == name
    for part in ("segmentation", "classification"):
        shares = [share for source in recipe[part].get("sampling", {}).values() for share in source.values()]
        assert sum(shares) == pytest.approx(1.0) or not shares
    assert recipes.judging(recipe)["sampling"]


@EVERY_RECIPE
def test_every_recipe_names_what_there_is(name: str) -> None:
    recipe = recipes.read(name)
    assert recipe["segmentation"]["network"] in OUTLINES
    assert recipe["classification"]["network"] in JUDGES or recipes.has_own_head(recipe)
    assert set(sources_of(recipe)) <= set(READERS)
    assert set(recipe["classification"].get("enhancement", [])) <= set(STEPS)
    drawn = {s for s, shares in recipes.judging(recipe)["sampling"].items() if sum(shares.values()) > 0}
    assert set(recipe["sources"]) <= drawn


@EVERY_RECIPE
def test_no_classifier_learns_from_masks_of_pictures_that_the_unet_has_seen(name: str) -> None:
    recipe = recipes.read(name)
    is_trained = "stages" in recipe["segmentation"] and not recipes.has_own_head(recipe)
    assert not is_trained or "out_of_fold" in recipe or 0 < recipe["segmentation"]["share"] < 1


def test_an_ablation_changes_only_what_it_names() -> None:
    base, ablation = recipes.read("unet-efficientnetb3"), recipes.read("efficientnetb3-raw")
    named = {"name", "extends", "compared_with", "unet_of", "classification"}
    assert {k: v for k, v in ablation.items() if k not in named} == {k: v for k, v in base.items() if k not in named}
    assert ablation["classification"] == base["classification"] | {"input": "raw"}


@pytest.mark.parametrize("hospital", ["busi", "busbra", "breast"])
def test_a_recipe_without_a_hospital_keeps_the_share_of_each_class(hospital: str) -> None:
    whole, without = recipes.read("unet-lite0"), recipes.read(f"unet-lite0-without-{hospital}")
    assert hospital not in without["sources"]
    assert without["test_on"] == [hospital]
    drawn = without["segmentation"]["sampling"]
    assert hospital not in drawn
    for label in LABELS:
        share = sum(shares.get(label, 0) for shares in drawn.values())
        assert share == pytest.approx(sum(one.get(label, 0) for one in whole["segmentation"]["sampling"].values()))


def test_the_classifier_starts_from_an_encoder_of_its_own_kind() -> None:
    recipe = recipes.read("unet-efficientnetb3")
    own = recipes.pretraining(recipe)
    assert own["backbone"] == recipe["classification"]["backbone"]
    assert own == recipe["segmentation"] | recipe["pretraining"]


def test_a_widened_classifier_starts_from_the_u_nets_encoder_and_refuses_another(tmp_path: Path) -> None:
    recipe = recipes.read("unet-lite2-efficientnetb3", quick=True)
    assert pipeline._distilled(recipes.read("unet-lite0"), nn.Identity(), [], tmp_path) is None
    recipe["classification"] |= {"backbone": "efficientnet-b3"}
    with pytest.raises(ValueError, match="efficientnet-b3 starts from lite2, not from lite0"):
        pipeline._distilled(recipe, nn.Identity(), [], tmp_path)


def test_the_encoder_that_the_classifier_starts_from_is_not_the_served_u_nets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipes.read("unet-efficientnetb3", quick=True)
    trained = {name: unet.build(recipe["segmentation"]) for name in ("segmentation", "pretraining")}
    monkeypatch.setattr(segmentation, "train", lambda _part, _samples, folder, _seed: trained[folder.name])
    start = pipeline._start(recipe, trained["segmentation"], [], tmp_path)
    assert start is trained["pretraining"]
    encoder = pipeline._encoder(recipe, start)
    assert encoder is not None
    assert torch.equal(encoder["_conv_stem.weight"], trained["pretraining"].unet.encoder._conv_stem.weight)
    without = {name: part for name, part in recipe.items() if name != "pretraining"}
    assert pipeline._start(without, trained["segmentation"], [], tmp_path) is trained["segmentation"]


def test_the_ablations_of_the_enhancement_differ_in_one_step() -> None:
    none = recipes.read("resnet101-enhanced-none")["classification"]
    for step in STEPS:
        own = recipes.read(f"resnet101-enhanced-{step.replace('_', '-')}")["classification"]
        assert own == none | {"enhancement": [step]}


def test_quick_keeps_the_recipe_and_shrinks_its_size() -> None:
    small = recipes.read("unet-efficientnetb3", quick=True)
    assert small["mask"] == recipes.read("unet-efficientnetb3")["mask"]
    assert small["classification"]["draws_per_epoch"] == 16
