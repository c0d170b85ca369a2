"""`--quick` from data folder to served networks: everything runs, resumes, and serves the answer it trained."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.inference.pipeline import Engine
from imaging.picture import Picture
from tests.factories.datasets import SIDE, speckle, write_all

pytestmark = [pytest.mark.training, pytest.mark.slow]

RUN = Path("runs/unet-efficientnetb3-quick/fold0")


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["--quick", "--data", folder / "data", "--runs", folder / "runs"]
    return subprocess.run(
        [sys.executable, "-m", "training", command, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick")
    write_all(folder / "data")
    answer = run("export", folder)
    assert answer.returncode == 0, answer.stderr[-3000:]
    return folder


def test_export_writes_networks_manifest_and_card(exported: Path) -> None:
    names = {path.name for path in (exported / RUN / "models").iterdir()}
    full = {"unet.onnx", "whole.onnx", "efficientnetb3.onnx"}
    assert names == full | {"unet.fp16.onnx", "efficientnetb3.fp16.onnx", "manifest.json", "MODEL_CARD.md"}


def test_the_web_products_engine_reads_a_picture_with_them(exported: Path) -> None:
    findings = Engine(exported / RUN / "models", "cpu").read([Picture(speckle(5, True)[0], "png")])[0]
    assert findings.mask.shape == (SIDE, SIDE)
    assert findings.heat is not None
    assert np.isfinite(findings.out_of_distribution)


def test_the_shipped_networks_equalled_pytorch_within_the_tight_bound() -> None:
    networks = json.loads(Path("models/manifest.json").read_text())["networks"]
    assert networks["classification"]["onnx_against_pytorch"] <= 1e-4
    assert networks["segmentation"]["onnx_against_pytorch"] <= 1


def test_every_figure_has_an_interval_around_it(exported: Path) -> None:
    metrics = json.loads((exported / RUN / "models" / "manifest.json").read_text())["metrics"]
    assert {"dice_lesions", "balanced_accuracy", "expected_calibration_error"} <= set(metrics["busi"])
    assert "normal_sensitivity" in metrics["busi_lesion_free"]
    assert metrics["busi_lesion_free"]["novelty_refused"]["value"] < 0.5
    for figure in metrics["busi"].values():
        assert figure["low"] <= figure["value"] + 1e-9
        assert figure["value"] <= figure["high"] + 1e-9


def test_a_second_run_goes_on_from_the_checkpoint_instead_of_training_anew(exported: Path) -> None:
    history = exported / RUN / "segmentation" / "history.csv"
    before = history.read_text()
    assert run("train", exported).returncode == 0
    assert history.read_text() == before


@pytest.mark.skipif(not (Path(sys.prefix) / ".ready").is_file(), reason="not the environment that make builds")
def test_make_does_the_same(exported: Path, tmp_path: Path) -> None:
    """The targets that the documents name, on networks that are trained already."""
    given = [f"TRAINING={sys.prefix}", "QUICK=1", f"RUNS={exported / 'runs'}"]
    for target in ("train", "evaluate", "export"):
        order = ["make", target, *given, f"FLAGS=--data {exported / 'data'}"]
        answer = subprocess.run(order, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr[-3000:]
    shutil.copy("training/results/leaderboard.json", tmp_path)
    pages = {"results": "leaderboard.json", "page": "all.md", "comparison": "compared.md", "what-helped": "helped.md"}
    flags = " ".join(f"--{name} {tmp_path / file}" for name, file in pages.items())
    answer = subprocess.run(
        ["make", "leaderboard", *given, f"FLAGS={flags}"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    assert "unet5x5-cnn" in (tmp_path / "all.md").read_text()


def test_curves_are_saved(exported: Path) -> None:
    folder = exported / RUN
    for name in ("learning.png", "roc.png", "reliability.png", "confusion.png"):
        assert (folder / name).stat().st_size > 5000


def test_an_unknown_recipe_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "training", "train", "--recipe", "none"], capture_output=True, text=True, check=False
    )
    assert answer.returncode != 0
    assert "unet-efficientnetb3" in answer.stderr
