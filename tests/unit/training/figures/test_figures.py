"""Figures whose right value is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from imaging.statistics.scores import NEVER, Scaling, calibration_error, threshold_for
from training.datasets.sample import LABELS, Sample
from training.figures.judged import joined, judge, read, save
from training.figures.metrics import area_under_curve, brier, differences, figures_of, reliability, subgroups
from training.fitting.calibrate import calibrate, fit_dropping, fit_out_of_distribution, fit_scaling
from training.fitting.predict import Predictions, _overlap

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("ignore::FutureWarning:monai")]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.statistics.intervals.RESAMPLES", 60)


def predictions(labels: list[str], logits: np.ndarray, groups: list[str] | None = None) -> Predictions:
    count = len(labels)
    samples = [
        Sample(str(index), "busi", label, 0, (groups or [str(i) for i in range(count)])[index], Path("none"), ())
        for index, label in enumerate(labels)
    ]
    ones = np.ones(count)
    embeddings = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    return Predictions(
        samples,
        logits.astype(np.float32),
        np.zeros((count, 3), np.float32),
        embeddings,
        ones,
        ones,
        ones,
        ones.astype(bool),
        np.full(count, 0.4),
    )


def test_overlap_of_half_covered_masks() -> None:
    truth, found = np.zeros((10, 10), dtype=bool), np.zeros((10, 10), dtype=bool)
    truth[:, :4] = True
    found[:, 2:6] = True
    dice, iou, distance, is_outlined = _overlap(found, truth)
    assert (dice, iou, is_outlined) == (0.5, pytest.approx(1 / 3), 1.0)
    assert distance == pytest.approx(2.0)


def test_nothing_outlined_on_a_normal_counts_as_right_and_anything_as_wrong() -> None:
    empty, speck = np.zeros((5, 5), dtype=bool), np.eye(5, dtype=bool)
    assert _overlap(empty, empty)[0] == 1.0
    assert _overlap(speck, empty)[0] == 0.0
    assert np.isnan(_overlap(speck, empty)[2])


def test_a_perfect_classifier_has_perfect_figures_and_no_width() -> None:
    labels = [LABELS[index % 3] for index in range(60)]
    perfect = predictions(labels, 8.0 * np.eye(3)[[index % 3 for index in range(60)]])
    found = figures_of(judge(perfect, calibrate(perfect, perfect.embeddings)))
    for name in ("accuracy", "balanced_accuracy", "benign_malignant_auc", "macro_auc", "malignant_f1"):
        assert found[name] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_intervals_resample_groups_and_widen_with_them() -> None:
    random = np.random.default_rng(1)
    labels = [LABELS[index // 6 % 3] for index in range(180)]
    logits = (random.normal(size=(30, 3)) + np.eye(3)[np.arange(30) % 3]).repeat(6, axis=0)
    single = predictions(labels, logits)
    grouped = predictions(labels, logits, [str(index // 6) for index in range(180)])
    widths = []
    for part in (single, grouped):
        accuracy = figures_of(judge(part, calibrate(part, part.embeddings)))["accuracy"]
        assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
        widths.append(accuracy["high"] - accuracy["low"])
    assert widths[0] > 0
    assert widths[1] / widths[0] > 1.5  # six equal rows a group: the root of six is expected


def test_overconfidence_is_measured_and_mended_by_scaling() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 2000)
    honest = random.normal(size=(2000, 3)) + 1.5 * np.eye(3)[labels]
    none = np.zeros((2000, 3), dtype=np.float32)
    scaling = fit_scaling((6 * honest).astype(np.float32), none, labels, np.full(2000, 1 / 2000))
    before = Scaling(1.0, 1.0, (0.0, 0.0, 0.0)).probabilities(6 * honest, none)
    after = scaling.probabilities(6 * honest, none)
    assert calibration_error(after, labels) < 0.05 < calibration_error(before, labels)
    assert brier(after, labels) < brier(before, labels)


def test_the_threshold_keeps_the_wanted_sensitivity() -> None:
    scores = np.linspace(0, 1, 101)
    labels = np.ones(101, dtype=np.int64)
    threshold = threshold_for(scores, labels == 1, 0.95)
    assert (scores >= threshold).mean() >= 0.95
    assert (scores > threshold).mean() < 0.96


def test_reliability_counts_every_picture_once() -> None:
    scores = np.asarray([0.0, 0.1, 0.5, 0.99, 1.0])
    rows = reliability(scores, np.asarray([False, False, True, True, True]), bins=5)
    assert sum(row["count"] for row in rows) == 5
    assert rows[-1]["malignant_share"] == 1.0


def test_a_strange_embedding_scores_further_out_than_a_training_one() -> None:
    random = np.random.default_rng(4)
    known = (random.normal(size=(300, 20)) * np.linspace(3, 0.1, 20)).astype(np.float32)
    distance = fit_out_of_distribution(known)
    assert distance.score(known).mean() == pytest.approx(1.0, rel=0.05)
    assert distance.score(known[:10] + 5).min() > np.quantile(distance.score(known), 0.99)


def test_the_more_telling_network_gets_the_weight() -> None:
    random = np.random.default_rng(6)
    labels = random.integers(0, 3, 1500)
    noise = random.normal(size=(1500, 3)).astype(np.float32)
    telling = (random.normal(size=(1500, 3)) + 2 * np.eye(3)[labels]).astype(np.float32)
    weights = np.full(1500, 1 / 1500)
    assert fit_scaling(noise, telling, labels, weights).unet_weight > 3
    assert fit_scaling(telling, noise, labels, weights).unet_weight < 0.3


def test_outlines_are_dropped_only_where_that_raises_the_mean_dice() -> None:
    part = predictions(["normal"] * 5 + ["benign"] * 5, np.zeros((10, 3)))
    part.dice[:5] = 0.0
    telling = np.asarray([0.8] * 5 + [0.1] * 5)
    assert 0.1 < fit_dropping(telling, part).normal_limit <= 0.8
    never = fit_dropping(1 - telling, part)
    assert (never.normal_limit, never.certain_outline) == (NEVER, NEVER)


def test_the_limit_may_lie_where_another_class_leads() -> None:
    part = predictions(["normal"] * 5 + ["benign"] * 5, np.zeros((10, 3)))
    part.dice[:5] = 0.0
    assert fit_dropping(np.asarray([0.12] * 5 + [0.02] * 5), part).normal_limit == pytest.approx(0.1)


def test_an_outline_that_the_unet_is_certain_of_stays_as_far_as_chance_allows() -> None:
    part = predictions(["normal"] * 40 + ["benign"] * 40, np.zeros((80, 3)))
    part.dice[:40] = 0.0
    part.dice[40:] = np.linspace(0.3, 1.0, 40)
    part.certainty[:40] = np.linspace(0.3, 0.7, 40)  # most of what is drawn on normals is faint
    scores = np.asarray([0.8] * 40 + [0.1] * 40)
    rule = fit_dropping(scores, part)
    assert (rule.normal_limit > 0.1, rule.certain_outline) == (True, pytest.approx(0.7))
    assert rule.applies(np.asarray([0.99, 0.99, 0.0]), np.asarray([0.4, 0.9, 0.4])).tolist() == [True, False, False]


def test_where_certainty_tells_nothing_it_protects_nothing() -> None:
    part = predictions(["normal"] * 40 + ["benign"] * 40, np.zeros((80, 3)))
    part.dice[:40] = 0.0
    part.certainty[:] = 0.99
    assert fit_dropping(np.asarray([0.8] * 40 + [0.1] * 40), part).certain_outline == NEVER


def test_the_area_under_the_curve_is_scikit_learns_ties_included() -> None:
    random = np.random.default_rng(8)
    is_case, scores = random.random(300) < 0.3, np.round(random.random(300), 1)
    assert area_under_curve(is_case, scores) == pytest.approx(roc_auc_score(is_case, scores))
    assert np.isnan(area_under_curve(np.ones(3, dtype=bool), scores[:3]))


def predicted(count: int = 90, seed: int = 7, labels: tuple[str, ...] = LABELS) -> Predictions:
    random = np.random.default_rng(seed)
    chosen = [labels[index % len(labels)] for index in range(count)]
    classes = [LABELS.index(label) for label in chosen]
    return predictions(chosen, random.normal(size=(count, 3)) + 1.5 * np.eye(3)[classes])


def test_folds_laid_together_are_measured_as_one(tmp_path: Path) -> None:
    part = predicted()
    rows = judge(part, calibrate(part, part.embeddings))
    first = np.arange(len(rows)) % 2 == 0
    for name, half in (("a", rows.where(first)), ("b", rows.where(~first))):
        save(half, tmp_path / f"{name}.npz")
    whole = figures_of(joined([read(tmp_path / f"{name}.npz") for name in "ab"]))
    assert {name: figure["value"] for name, figure in whole.items()} == pytest.approx(
        {name: figure["value"] for name, figure in figures_of(rows).items()}
    )


def test_calibration_is_measured_before_and_after() -> None:
    part = predicted(600)
    part.logits[:] *= 8
    found = figures_of(judge(part, calibrate(part, part.embeddings)))
    assert found["expected_calibration_error"]["value"] < found["expected_calibration_error_before"]["value"]
    assert found["brier"]["value"] < found["brier_before"]["value"]


def test_a_recipe_without_outlines_has_no_overlap_and_all_else() -> None:
    part = predicted()
    for values in (part.dice, part.iou, part.hausdorff_px):
        values[:] = np.nan
    calibration = calibrate(part, part.embeddings)
    found = figures_of(judge(part, calibration))
    assert calibration.dropping.normal_limit == NEVER
    assert not [name for name in found if name.startswith(("dice", "iou", "hausdorff", "lesions"))]
    assert {"macro_auc", "normal_specificity", "brier"} <= set(found)


@pytest.mark.parametrize("labels", [("benign", "malignant"), ("malignant", "normal"), ("benign", "normal")])
def test_two_classes_are_enough(labels: tuple[str, ...]) -> None:
    part = predicted(labels=labels)
    calibration = calibrate(part, part.embeddings)
    found = figures_of(judge(part, calibration))
    assert "macro_auc" not in found
    assert found["balanced_accuracy"]["value"] > 0.6
    unknown = next(index for index, label in enumerate(LABELS) if label not in labels)
    assert not judge(part, calibration).plausible[:, unknown].all()
    assert ("sensitivity_at_operating_point" in found) == ("malignant" in labels)


def test_what_was_learned_from_is_no_stranger() -> None:
    part = predicted()
    alone = calibrate(part, part.embeddings)
    squares = part.embeddings + 5 * part.embeddings.std()
    beside = np.concatenate([part.embeddings, squares])
    known = calibrate(part, beside, familiar=beside)
    assert (alone.out_of_distribution.score(squares) > alone.out_of_distribution_limit).mean() > 0.9
    assert (known.out_of_distribution.score(squares) > known.out_of_distribution_limit).mean() < 0.05


def test_subgroups_count_their_pictures_and_leave_out_what_they_cannot_give() -> None:
    part = predicted()
    for index, sample in enumerate(part.samples):
        sample.details.update(birads="2" if sample.label != "malignant" else "5", device=f"scanner {index % 2}")
    found = subgroups(judge(part, calibrate(part, part.embeddings)))
    assert sum(group["pictures"] for group in found["device"].values()) == 90
    assert found["birads"]["2"]["malignant"] == 0
    assert "sensitivity_at_operating_point" not in found["birads"]["2"]["metrics"]
    assert "benign_malignant_auc" in found["device"]["scanner 1"]["metrics"]


def test_a_dropped_outline_counts_as_none() -> None:
    part = predicted(300)
    rows = judge(part, calibrate(part, part.embeddings))
    rows.is_cleared[:] = rows.labels == LABELS.index("benign")
    found = figures_of(rows, ("dice_lesions", "dice_lesions_unet_alone", "lesions_without_outline"))
    assert found["dice_lesions_unet_alone"]["value"] == 1.0
    assert found["dice_lesions"]["value"] == pytest.approx(0.5)
    assert found["lesions_without_outline"]["value"] == pytest.approx(0.5)


def test_two_recipes_are_compared_on_the_pictures_that_both_judged() -> None:
    part = predicted(90)
    rows = judge(part, calibrate(part, part.embeddings))
    same = differences(rows, rows.where(np.arange(90) < 60))
    assert same["benign_malignant_auc"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    worse = judge(predicted(90, seed=8), calibrate(part, part.embeddings))
    worse.scores[:] = worse.scores[:, ::-1]
    assert differences(worse, rows)["macro_auc"]["high"] < 0


def test_without_a_bias_none_is_fitted_and_the_temperature_is_its_own() -> None:
    random = np.random.default_rng(3)
    labels = random.choice(3, 1500, p=[0.7, 0.2, 0.1])
    telling = (random.normal(size=(1500, 3)) + np.eye(3)[labels]).astype(np.float32)
    weights, none = np.full(1500, 1 / 1500), np.zeros((1500, 3), np.float32)
    plain, biased = (fit_scaling(telling, none, labels, weights, has_bias=has_bias) for has_bias in (False, True))
    assert plain.bias == (0.0, 0.0, 0.0)
    assert biased.bias[0] > 0.3
    assert plain.temperature != pytest.approx(biased.temperature, rel=0.02)


def test_probabilities_that_know_nothing_fall_back_on_the_stated_case_mix() -> None:
    labels = [LABELS[index % 3] for index in range(90)]
    blind = predictions(labels, np.zeros((90, 3)))
    mix = {"benign": 0.2, "malignant": 0.16, "normal": 0.64}
    fitted = calibrate(blind, blind.embeddings, mix)
    assert fitted.probabilities(blind)[0] == pytest.approx([0.2, 0.16, 0.64], abs=0.01)


def test_crops_of_a_set_without_normals_let_the_limit_of_normal_be_chosen() -> None:
    labels = ["benign"] * 20 + ["normal"] * 20
    part = predictions(labels, np.zeros((40, 3)))
    crops = [replace(sample, source="busbra_lesion_free") for sample in part.samples[20:]]
    dice = np.array([0.9] * 20 + [0.0] * 20)  # everything is outlined, on crops wrongly
    part = replace(part, samples=[*(replace(s, source="busbra") for s in part.samples[:20]), *crops], dice=dice)
    scores = np.array([0.3] * 20 + [0.6] * 20)
    assert 0.3 < fit_dropping(scores, part).normal_limit <= 0.6
