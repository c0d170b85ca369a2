"""Probabilities fitted to local pictures: what over-confidence the fit must find, and what it must refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask import Flask

from app.inference import manifest as manifests
from app.inference.classify import classified
from app.pages.about import about_page
from app.recalibration import fitting, labelled_pictures
from app.recalibration.labelled_pictures import CantRecalibrate, Labelled, Observed
from app.workers.services import RECALIBRATED, services
from imaging.preprocess import Box
from imaging.statistics.scores import Scaling, rescaled
from tests.factories.networks import write_tiny_networks

NO_BIAS = (0.0, 0.0, 0.0)


def observed(confidence: float, count: int = 300, seed: int = 1) -> Observed:
    """Pictures whose honest logits are known, told with `confidence` times too large ones."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (count, 3))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.asarray([random.choice(3, p=row) for row in honest])
    told = np.exp(confidence * logits)
    return Observed(told / told.sum(axis=1, keepdims=True), labels, np.arange(count).astype(str))


def test_the_fit_finds_by_how_much_the_networks_are_too_sure() -> None:
    seen = observed(confidence=3.0, count=2000)
    assert fitting.fit(seen.scores, seen.labels, NO_BIAS, {}).factor == pytest.approx(3.0, rel=0.15)


def test_rescaling_by_one_changes_nothing_and_keeps_the_order_otherwise() -> None:
    seen = observed(confidence=2.0)
    bias = (0.2, -0.3, 0.1)
    assert np.allclose(rescaled(seen.scores, 1.0, bias), seen.scores)
    colder = rescaled(seen.scores, 4.0, NO_BIAS)
    assert (colder.argmax(axis=1) == seen.scores.argmax(axis=1)).all()
    assert colder.max() < seen.scores.max()


def test_the_comparison_is_made_on_pictures_that_the_fit_did_not_see(tmp_path: Path) -> None:
    manifest = manifests.read(write_tiny_networks(tmp_path))
    found = fitting.compare(observed(confidence=3.0), manifest)
    error = "expected calibration error"
    assert found.after[error]["value"] < found.before[error]["value"] / 2
    assert found.after["sensitivity for malignant"]["value"] < 1.0
    for figure in (*found.before.values(), *found.after.values()):
        assert figure["low"] <= figure["value"] <= figure["high"]


def test_ties_count_half_in_the_area_under_the_curve() -> None:
    scores, is_case = np.asarray([0.1, 0.5, 0.5, 0.9]), np.asarray([False, False, True, True])
    assert fitting.area_under_curve(scores, is_case) == pytest.approx(0.875)


def test_a_recalibration_counts_until_it_is_undone(app: Flask, tiny_models: Path) -> None:
    folder = app.config["DATA_DIR"] / RECALIBRATED
    with app.app_context():
        shipped = services().engine.manifest
        found = fitting.compare(observed(confidence=3.0), shipped)
        assert fitting.keep(found, shipped, folder, 300) == "0.0.1+local.1"
        local = services().engine.manifest
        assert local.version == "0.0.1+local.1"
        assert local.scaling.temperature == pytest.approx(shipped.scaling.temperature * found.fit.factor)
        assert local.malignant_threshold == found.fit.threshold
        told = rescaled(np.asarray([[0.15, 0.80, 0.05]]), found.fit.factor, shipped.scaling.bias)
        assert np.allclose(local.as_limited(told), [[0.15, 0.80, 0.05]])  # the limits go by the shipped temperature
        assert "reliability" not in local.raw  # measured with the shipped one
        named = [figure.name for figure in about_page(local.raw).figures]
        assert named == ["Benign against malignant (AUC)", "Sensitivity", "Specificity", "Calibration error"]
        assert fitting.keep(found, local, folder, 300) == "0.0.1+local.2"
        assert services().engine.manifest.temperature_factor == pytest.approx(found.fit.factor**2)
        assert fitting.undo(folder) == "0.0.1+local.2"
        assert fitting.undo(folder) == "0.0.1+local.1"
        assert fitting.undo(folder) is None
        assert services().engine.manifest.version == shipped.version


def test_a_higher_temperature_neither_drops_an_outline_nor_widens_a_set(tmp_path: Path) -> None:
    manifest = replace(
        manifests.read(write_tiny_networks(tmp_path)),
        scaling=Scaling(1.0, 1.0, (-0.5, -0.5, 0.6)),
        normal_limit=0.2,
        conformal_limits=(0.2, 0.2, 0.2),
    )
    shipped = np.asarray([[0.15, 0.80, 0.05]])
    (told,) = rescaled(shipped, 2.0, manifest.scaling.bias)
    assert told[2] > manifest.normal_limit
    local = replace(manifest, temperature_factor=2.0)
    window, no_map = Box(0, 0, 1, 1), np.zeros((3, 1, 1), dtype=np.float32)
    found = classified(local, told, 0.6, 1.0, no_map, window)
    assert (found.is_clear, found.plausible) == (False, ("malignant",))
    assert found.probabilities.malignant == told[1]
    assert classified(manifest, told, 0.6, 1.0, no_map, window).is_clear


def test_a_recalibration_of_the_same_networks_goes_on_with_new_rules_and_their_version(tmp_path: Path) -> None:
    models, local = write_tiny_networks(tmp_path / "models"), tmp_path / "local"
    shipped = manifests.read(models)
    fitting.keep(fitting.compare(observed(3.0), shipped), shipped, local, 300)
    raw = json.loads((models / "manifest.json").read_text())
    raw["mask"]["certain_outline"], raw["version"] = 0.7, "0.0.2"
    (models / "manifest.json").write_text(json.dumps(raw))
    found = manifests.read(models, local)
    assert found.version == "0.0.2+local.1"
    assert found.certain_outline == 0.7
    assert found.temperature_factor != 1.0


def test_a_recalibration_of_other_networks_is_not_used(tmp_path: Path) -> None:
    models, local = write_tiny_networks(tmp_path / "models"), tmp_path / "local"
    manifest = manifests.read(models)
    fitting.keep(fitting.compare(observed(3.0), manifest), manifest, local, 300)
    raw = json.loads((models / "manifest.json").read_text())
    raw["networks"]["segmentation"]["version"] = "0.0.2"
    (models / "manifest.json").write_text(json.dumps(raw))
    assert manifests.read(models, local).version == "0.0.1"


class TestTheList:
    def write(self, folder: Path, text: str) -> Path:
        (folder / "a.png").write_bytes(b"x")
        path = folder / "list.csv"
        path.write_text(text)
        return path

    def test_names_files_labels_and_patients(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, "file,label,group\na.png,Benign,p1\n")
        assert labelled_pictures.read_list(path, tmp_path) == [Labelled(tmp_path / "a.png", "benign", "p1")]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("picture,label\na.png,benign\n", "file and label"),
            ("file,label\na.png,cyst\n", "Line 2: the label"),
            ("file,label\nb.png,benign\n", "Line 2: there is no such file"),
            ("file,label\n../list.csv,benign\n", "Line 2: there is no such file"),
        ],
    )
    def test_is_refused_with_the_line_that_is_wrong(self, tmp_path: Path, text: str, sentence: str) -> None:
        with pytest.raises(CantRecalibrate, match=sentence):
            labelled_pictures.read_list(self.write(tmp_path, text), tmp_path)

    def test_is_refused_when_it_is_no_list(self, tmp_path: Path) -> None:
        path = tmp_path / "list.csv"
        path.write_bytes("file,label\nMüller.png,benign\n".encode("cp1252"))
        with pytest.raises(CantRecalibrate, match="not in UTF-8"):
            labelled_pictures.read_list(path, tmp_path)
        path.write_bytes(b"file,label\n" + b"x" * 200_000 + b",benign\n")
        with pytest.raises(CantRecalibrate, match="field larger"):
            labelled_pictures.read_list(path, tmp_path)
        path.write_bytes(b"file,label\na\0.png,benign\n")
        with pytest.raises(CantRecalibrate, match="Line 2"):
            labelled_pictures.read_list(path, tmp_path)

    def test_too_few_pictures_are_refused(self, app: Flask, scan: Callable[..., bytes], tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(scan(1))
        with app.app_context():
            seen = list(labelled_pictures.observe([Labelled(tmp_path / "a.png", "malignant", "p1")]))
            assert seen[0][1] is not None
            with pytest.raises(CantRecalibrate, match="1 pictures could be read, 0 benign and 1 malignant"):
                labelled_pictures.gathered(seen)


def test_the_command_shows_figures_writes_a_version_and_takes_it_back(
    app: Flask, scan: Callable[..., bytes], tmp_path: Path
) -> None:
    lines = ["file,label"]
    for number in range(52):
        (tmp_path / f"{number}.png").write_bytes(scan(number, "oval" if number % 2 else None, 120, 140))
        lines.append(f"{number}.png,{'malignant' if number % 2 else 'benign'}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    run = app.test_cli_runner()
    dry = run.invoke(args=["models", "recalibrate", str(tmp_path / "list.csv"), str(tmp_path), "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "AUC benign/malignant" in dry.output
    assert "Written" not in dry.output
    done = run.invoke(args=["models", "recalibrate", str(tmp_path / "list.csv"), str(tmp_path)])
    assert "Written as version 0.0.1+local.1" in done.output, done.output
    assert "Version 0.0.1+local.1 is gone" in run.invoke(args=["models", "undo"]).output
    assert run.invoke(args=["models", "undo"]).exit_code == 1
