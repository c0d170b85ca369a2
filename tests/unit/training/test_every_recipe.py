"""`evaluate --quick` of every recipe: from data folders to figures, whatever the system is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.datasets import write_all
from tests.factories.mammograms import write_cbis, write_mias
from training.preparation import recipe as recipes
from training.preparation.transfer import sources_of

pytestmark = [pytest.mark.training, pytest.mark.slow]

# The ablations of the enhancement differ in a name that other tests check; one of them stands for all.
SAME = {f"resnet101-enhanced-{step}" for step in ("histogram", "clahe", "median", "bilateral")}
# So do the hospitals left out by the recipes on EfficientNet-Lite.
LEFT_OUT = {
    f"{name}-without-{hospital}"
    for name in ("unet-lite0", "unet-lite0-worn", "unet-lite2-efficientnetb3")
    for hospital in ("busi", "busbra", "breast")
} - {"unet-lite0-without-busi"}
NAMES = sorted({path.stem for path in recipes.EXPERIMENTS.glob("*.yaml")} - SAME - LEFT_OUT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    write_all(folder / "data")
    write_mias(folder / "data" / "mias", patients=30)
    write_cbis(folder / "data" / "cbis-ddsm", patients=40)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_quick_run_ends_in_figures(folder: Path, name: str) -> None:
    command = [sys.executable, "-m", "training", "evaluate", "--quick", "--recipe", name]
    arguments = ["--data", str(folder / "data"), "--runs", str(folder / "runs")]
    answer = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]

    recipe = recipes.read(name)
    report = json.loads((folder / "runs" / f"{name}-quick" / "fold0" / "metrics.json").read_text())
    assert report["recipe"] == name
    assert recipe.get("reduced", "") in report["protocol"]
    assert report["leaking"] == name.endswith("-random")
    assert set(recipe.get("test_on", sources_of(recipe))) <= set(report["metrics"])
    for figures in (report["metrics"][source] for source in recipe.get("test_on", sources_of(recipe))):
        assert {"benign_malignant_auc", "sensitivity_at_operating_point"} <= set(figures)
        assert ("dice_lesions" in figures) == ("stages" in recipe["segmentation"])
        assert "normal" in recipe.get("classes", ["normal"]) or "normal_sensitivity" not in figures
        assert all(figure["low"] <= figure["value"] + 1e-9 <= figure["high"] + 2e-9 for figure in figures.values())
