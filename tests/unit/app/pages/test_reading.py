"""What a result tells of its findings: bars, certainty, table, explanation, scale bar."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.inference.results import Findings, Probabilities, to_json
from app.pages.about import about_page
from app.pages.measured import measured, number
from app.pages.probabilities import leaning
from app.pages.viewer import scale_bar
from app.reading import explanation
from imaging.measures.measure import measure
from imaging.phantom import lesion_mask, speckle
from imaging.picture import Spacing

HEIGHT, WIDTH = 220, 260
MANIFEST: dict[str, Any] = {
    "conformal": {"coverage": 0.9},
    "reliability": [
        {"low": 0.0, "high": 0.6, "malignant_share": 0.1, "count": 80},
        {"low": 0.6, "high": 0.9, "malignant_share": 0.71, "count": 31},
        {"low": 0.9, "high": 1.0, "malignant_share": 0.96, "count": 9},
    ],
}


def told(
    lesion: str | None = "irregular",
    malignant: float = 0.7,
    plausible: tuple[str, ...] = ("malignant",),
    out_of_distribution: float = 0.5,
    heat_in_lesion: float | None = 0.4,
    spacing: Spacing | None = None,
) -> dict[str, Any]:
    """Findings as the database gives them back."""
    pixels = speckle(5, lesion, HEIGHT, WIDTH)
    mask = lesion_mask(5, lesion, HEIGHT, WIDTH) if lesion else pixels < 0
    findings = Findings(
        mask=mask, heat=None, lesion=measure(pixels, mask, spacing),
        probabilities=Probabilities((1 - malignant) * 0.8, malignant, (1 - malignant) * 0.2), plausible=plausible,
        out_of_distribution=out_of_distribution, out_of_distribution_limit=1.0, heat_in_lesion=heat_in_lesion,
        milliseconds={"segment": 10.0},
        provider="CPU", precision="fp32", models={"U-Net": "1"}, models_version="1",
    )  # fmt: skip
    result: dict[str, Any] = json.loads(json.dumps(to_json(findings)))
    return result


class TestBars:
    def test_the_three_groups_always_stand_in_the_same_order(self) -> None:
        bars = leaning(told(malignant=0.99), MANIFEST).bars
        assert [bar.name for bar in bars] == ["Benign", "Malignant", "Normal"]

    def test_shares_add_up_to_one_and_the_largest_leads(self) -> None:
        bars = leaning(told(), MANIFEST).bars
        assert sum(bar.share for bar in bars) == pytest.approx(1.0)
        assert [bar.name for bar in bars if bar.is_leading] == ["Malignant"]

    @pytest.mark.parametrize(
        ("share", "words"),
        [(0.0, "under 1%"), (0.004, "under 1%"), (0.62, "62%"), (0.994, "over 99%"), (1.0, "over 99%")],
    )
    def test_no_percentage_claims_certainty(self, share: float, words: str) -> None:
        assert explanation.percent(share) == words


class TestReliability:
    def test_the_test_set_tells_what_a_score_means(self) -> None:
        sentence = leaning(told(malignant=0.7), MANIFEST).reliability
        assert "about 71 were malignant" in sentence
        assert "60% to 90%" in sentence

    def test_the_lower_end_belongs_to_the_range(self) -> None:
        assert "about 71" in leaning(told(malignant=0.6), MANIFEST).reliability

    def test_few_test_pictures_tell_nothing(self) -> None:
        assert leaning(told(malignant=0.95), MANIFEST).reliability == ""

    def test_an_unfamiliar_picture_is_not_compared_with_the_test_set(self) -> None:
        assert leaning(told(malignant=0.7, out_of_distribution=1.5), MANIFEST).reliability == ""

    def test_without_a_manifest_nothing_is_claimed(self) -> None:
        told_without = leaning(told(malignant=0.7), {})
        assert told_without.reliability == ""
        assert not any("of 100" in sentence for sentence in told_without.certainty)

    def test_a_score_of_one_falls_into_the_last_range(self) -> None:
        full = {"reliability": [{"low": 0.9, "high": 1.0, "malignant_share": 0.96, "count": 90}]}
        assert "about 96" in leaning(told(malignant=1.0), full).reliability


class TestCertainty:
    def test_one_group_left_is_named(self) -> None:
        assert leaning(told(), MANIFEST).certainty[0].startswith("Only the group 'malignant' fits")

    def test_several_groups_left_are_all_named(self) -> None:
        sentence = leaning(told(plausible=("benign", "malignant", "normal")), MANIFEST).certainty[0]
        assert "'benign', 'malignant' and 'normal' all fit" in sentence
        sentence = leaning(told(plausible=("benign", "normal")), MANIFEST).certainty[0]
        assert "'benign' and 'normal' both fit" in sentence

    @pytest.mark.parametrize(("score", "word"), [(0.5, "Nothing marks"), (1.0, "Nothing marks"), (1.01, "differs")])
    def test_it_says_whether_the_picture_is_familiar(self, score: float, word: str) -> None:
        assert word in leaning(told(out_of_distribution=score), MANIFEST).certainty[-1]


class TestMeasured:
    def test_nothing_outlined_means_no_table(self) -> None:
        assert measured(told(lesion=None)["lesion"]) == ()

    def test_without_a_scale_there_are_no_millimetres(self) -> None:
        rows = measured(told()["lesion"])
        assert "px" in rows[0].value
        assert not any("mm" in row.value + row.words for row in rows)

    def test_with_a_scale_sizes_are_in_millimetres(self) -> None:
        rows = measured(told(spacing=Spacing(0.1, "the file"))["lesion"])
        assert rows[0].value.endswith(" mm")
        assert "px" not in rows[0].value + rows[1].value + rows[1].words

    def test_each_descriptor_has_its_term_and_its_number(self) -> None:
        rows = {row.name: row for row in measured(told()["lesion"])}
        assert rows["Shape"].term == "irregular"
        assert "hull" in rows["Shape"].value
        assert " dB " in rows["Echo pattern"].value

    @pytest.mark.parametrize(
        ("value", "unit", "words"),
        [
            (-5.04, "dB against the ring around", "−5.0 dB against the ring around"),
            (1.1, "dB against tissue beside it", "+1.1 dB against tissue beside it"),
            (0.564, "height / width", "0.56 (height / width)"),
            (0.8, "4 pi area / perimeter^2", "0.80 (4π · area / perimeter²)"),
        ],
    )
    def test_numbers_come_with_their_unit(self, value: float, unit: str, words: str) -> None:
        assert number(value, unit) == words


class TestExplanation:
    def test_it_says_where_and_how_large(self) -> None:
        first = explanation.sentences(told(), HEIGHT, WIDTH)[0]
        assert "pixels in the middle part" in first
        assert "no scale" in first

    @pytest.mark.parametrize(
        ("bbox", "words"),
        [
            ((0, 0, 20, 20), "upper left"), ((190, 230, 210, 250), "lower right"),
            ((100, 10, 120, 30), "left"), ((5, 120, 25, 140), "upper"), ((100, 120, 120, 140), "middle"),
        ],
    )  # fmt: skip
    def test_places_are_named_by_thirds(self, bbox: tuple[int, int, int, int], words: str) -> None:
        assert explanation.where_in_picture(bbox, HEIGHT, WIDTH) == words

    def test_it_says_when_outline_and_class_contradict_each_other(self) -> None:
        findings = told() | {"label": "normal"}
        assert "One of the two is wrong" in explanation.sentences(findings, HEIGHT, WIDTH)[1]
        assert not any("wrong" in sentence for sentence in explanation.sentences(told(), HEIGHT, WIDTH))

    def test_it_uses_the_terms_of_the_field(self) -> None:
        assert "shape irregular" in explanation.sentences(told(), HEIGHT, WIDTH)[1]

    @pytest.mark.parametrize(
        ("share", "words"),
        [
            (0.6, "mostly on the outlined area"),
            (0.4, "not on it alone"),
            (0.06, "surroundings alike"),
            (0.01, "trust it less"),
        ],
    )
    def test_it_compares_the_heat_with_the_area(self, share: float, words: str) -> None:
        assert words in explanation.sentences(told(heat_in_lesion=share), HEIGHT, WIDTH)[-1]

    def test_without_a_heat_map_it_says_nothing_about_heat(self) -> None:
        assert not any(
            "heat" in sentence for sentence in explanation.sentences(told(heat_in_lesion=None), HEIGHT, WIDTH)
        )

    def test_without_a_lesion_it_says_that_nothing_was_outlined(self) -> None:
        assert "No area is outlined" in explanation.sentences(told(lesion=None, heat_in_lesion=None), HEIGHT, WIDTH)[0]

    def test_no_words_of_a_verdict_are_used(self) -> None:
        every = " ".join(
            (*explanation.sentences(told(), HEIGHT, WIDTH), *leaning(told(), MANIFEST).certainty,
             leaning(told(), MANIFEST).reliability, *(row.words for row in measured(told()["lesion"])))
        ).lower()  # fmt: skip
        for forbidden in ("you have", "you don't have", "cancer detected", "all clear", "diagnos"):
            assert forbidden not in every


class TestScaleBar:
    def test_without_a_scale_there_is_no_bar(self) -> None:
        assert scale_bar(400, 600, None) is None

    @pytest.mark.parametrize(
        ("width", "spacing", "text"),
        [(600, 0.08, "1 cm"), (600, 0.04, "5 mm"), (600, 0.2, "2 cm"), (400, 0.004, "0.2 mm")],
    )
    def test_the_bar_has_a_round_length_that_fits(self, width: int, spacing: float, text: str) -> None:
        bar = scale_bar(400, width, spacing)
        assert bar is not None
        assert bar.text == text
        millimetres = float(text.split()[0]) * (10 if text.endswith("cm") else 1)
        assert bar.length_px * spacing == pytest.approx(millimetres)
        assert bar.length_px <= 0.3 * width


class TestFigures:
    def test_figures_come_with_their_interval(self) -> None:
        dice = {"value": 0.774, "low": 0.75, "high": 0.801}
        page = about_page({"version": "1", "metrics": {"busi": {"dice_lesions": dice}}})
        assert [(figure.value, figure.interval) for figure in page.figures] == [("0.77", "0.75 to 0.80")]

    def test_shares_are_told_in_percent_and_missing_ones_left_out(self) -> None:
        metrics = {"busi": {"balanced_accuracy": {"value": 0.81}, "dice_lesions": {"value": None}}}
        assert [(figure.name, figure.value) for figure in about_page({"metrics": metrics}).figures] == [
            ("Balanced accuracy", "81%")
        ]

    def test_without_networks_there_are_no_figures(self) -> None:
        page = about_page({})
        assert (page.version, page.figures, page.networks) == ("", (), ())
