"""Recipes are data: each can be read, and an ablation differs from its base in what it says and nothing else."""

from __future__ import annotations

import pytest

from training import recipe as recipes

pytestmark = pytest.mark.training


@pytest.mark.parametrize("path", sorted(recipes.EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_is_named_like_its_file_and_its_draws_are_shares(path) -> None:
    recipe = recipes.read(path.stem)
    assert recipe["name"] == path.stem
    for part in ("segmentation", "classification"):
        shares = [share for source in recipe[part]["sampling"].values() for share in source.values()]
        assert sum(shares) == pytest.approx(1.0)


def test_an_ablation_changes_only_what_it_names() -> None:
    base, ablation = recipes.read("unet-efficientnetb3"), recipes.read("efficientnetb3-raw")
    assert ablation["segmentation"] == base["segmentation"]
    assert ablation["classification"] == base["classification"] | {"input": "raw"}


def test_quick_keeps_the_recipe_and_shrinks_its_size() -> None:
    small = recipes.read("unet-efficientnetb3", quick=True)
    assert small["mask"] == recipes.read("unet-efficientnetb3")["mask"]
    assert small["classification"]["draws_per_epoch"] == 16
