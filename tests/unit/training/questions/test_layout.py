"""The layout network: what it is shown, what it learns, and that serving asks the exported file as training does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.inference.pipeline import Engine
from imaging.picture import Picture
from imaging.preprocess import Grey
from tests.factories.networks import write_tiny_networks
from tests.factories.pictures import ultrasound
from tests.unit.training.questions.test_drift import reading
from training.figures.served import Networks
from training.fitting import layout as fitting
from training.networks.layout_net import LayoutNet
from training.preparation import transformed
from training.preparation.arranged import KINDS, SIDE, draw
from training.questions import drift_page, layout, transformations

pytestmark = pytest.mark.training

IMAGES: list[Grey] = [ultrasound(seed, "oval", 200, 260) for seed in range(4)]


def test_every_kind_is_drawn_and_drawing_is_repeatable() -> None:
    random = np.random.default_rng(0)
    drawn = [draw([IMAGES[:2], IMAGES[2:]], random) for _ in range(120)]
    labels = np.array([kinds for _, kinds in drawn])
    assert {pixels.shape for pixels, _ in drawn} == {(SIDE, SIDE)}
    assert {pixels.dtype for pixels, _ in drawn} == {np.dtype(np.uint8)}
    assert ((labels.mean(axis=0) > 0.03) & (labels.mean(axis=0) < 0.7)).all()
    again = draw([IMAGES[:2], IMAGES[2:]], np.random.default_rng(0))
    assert np.array_equal(again[0], drawn[0][0])


def test_arrangements_have_the_sizes_that_they_say() -> None:
    random = np.random.default_rng(0)
    assert transformed.above(IMAGES[1], 8)(IMAGES[0], random).shape == (408, 260)
    assert transformed.beside(IMAGES[1], 8, 255)(IMAGES[0], random).shape == (200, 528)
    four = transformed.four(IMAGES[1:], 4)(IMAGES[0], random)
    assert abs(four.shape[0] - 404) <= 3
    assert transformed.with_margin(0.1, 255)(IMAGES[0], random)[0, 0] == 255
    assert np.array_equal(transformed.negative(IMAGES[0], random), 255 - IMAGES[0])


def test_it_learns_what_is_inverted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "WORKERS", 0)
    monkeypatch.setattr(fitting, "BATCH", 16)
    network = fitting.train([IMAGES], draws=16 * 60)
    plain = fitting.logits(network, IMAGES)[:, KINDS.index("inverted")]
    turned = fitting.logits(network, [255 - pixels for pixels in IMAGES])[:, KINDS.index("inverted")]
    assert plain.max() < turned.min()


def test_limits_let_plain_images_of_every_hospital_pass() -> None:
    random = np.random.default_rng(0)
    measured = [
        {"as they are": random.normal(size=(1000, 3)), **{name: random.normal(size=(100, 3)) for name in layout.MILD}}
        for _ in range(2)
    ]
    limits = layout.limits_of(measured)
    assert list(limits) == list(KINDS)
    taken = [layout.shares(found, limits)["as they are"] for found in measured]
    assert all(sum(share[kind] for share in taken) / 2 <= layout.FALSE_SHARE + 1e-6 for kind in KINDS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Constant folding:UserWarning")
def test_the_exported_file_is_asked_alike_by_training_and_serving(tmp_path: Path) -> None:
    folder = write_tiny_networks(tmp_path / "models")
    network = LayoutNet().eval()
    scores = fitting.logits(network, IMAGES)
    limit = float(np.sort(scores[:, 1])[1:3].mean())
    layout.export(network, {"several_panels": 99.0, "inverted": limit, "photo_of_screen": 99.0}, folder)
    engine, networks = Engine(folder, "cpu"), Networks(folder)
    for pixels, row in zip(IMAGES, scores, strict=True):
        wanted = "inverted" if row[1] > limit else None
        assert engine.objection(Picture(pixels, "png")) == wanted
        assert networks._layout is not None
        assert networks._layout.objection(Picture(pixels, "png")) == wanted


def test_changed_cancers_are_counted_and_the_page_names_each_change(tmp_path: Path) -> None:
    row = transformations.counted([reading(), reading(malignant=0.9), reading("inverted"), reading(distance=9)])
    assert row == {"cancers": 4, "reassured": 1, "unsure": 1, "declined": 1, "codes": {"inverted": 1}}
    names = transformations.changes(IMAGES, np.random.default_rng(0))
    found = {"command": "x", "fold": 0, "busi": dict.fromkeys(names, row)}
    (tmp_path / "transformations.json").write_text(json.dumps(found), encoding="utf-8")
    page = drift_page.kept(tmp_path)
    assert all(f"| {name} |" in page for name in names)
