"""The class probabilities in plain words: three bars, what their numbers mean, and how sure the program is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.inference.results import LABELS
from app.reading.explanation import GROUPS, percent

FEWEST = 10  # a share measured on fewer test pictures than this is not told


@dataclass(frozen=True)
class Bar:
    """One of the three bars. `share` is the calibrated probability in 0..1, `percent` the same in words."""

    name: str
    meaning: str
    share: float
    percent: str
    is_leading: bool
    is_plausible: bool


@dataclass(frozen=True)
class Leaning:
    """How strongly the program leans to each class.

    `reliability` is "" when the test set says nothing for this score; `certainty` is one sentence or more.
    """

    bars: tuple[Bar, ...]
    reliability: str
    certainty: tuple[str, ...]


def leaning(findings: Mapping[str, Any], manifest: Mapping[str, Any]) -> Leaning:
    """Read the findings of an analysis.

    Args:
        findings: `results.to_json` of the Findings.
        manifest: of the networks that made them; empty when it is not at hand any more.
    """
    bars = tuple(_bar(label, findings) for label in LABELS)
    return Leaning(bars, _reliability(findings, manifest), _certainty(findings, manifest))


def _bar(label: str, findings: Mapping[str, Any]) -> Bar:
    share = float(findings["probabilities"][label])
    is_plausible = label in findings["plausible"]
    is_leading = label == findings["label"]
    return Bar(label.capitalize(), f"like {GROUPS[label]}", share, percent(share), is_leading, is_plausible)


def _reliability(findings: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What became of the test pictures of which the program made malignant about as probable."""
    if _is_out_of_distribution(findings):
        return ""
    score = findings["probabilities"]["malignant"]
    for part in manifest.get("reliability", ()):
        is_inside = part["low"] <= score < part["high"] or score == part["high"] == 1.0
        if is_inside and part["count"] >= FEWEST:
            return (
                "Of 100 pictures for which the program leans to 'malignant' about as strongly "
                f"({part['low']:.0%} to {part['high']:.0%}), about {part['malignant_share'] * 100:.0f} were malignant "
                f"in our test set ({part['count']} such pictures)."
            )
    return ""


def _certainty(findings: Mapping[str, Any], manifest: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        sentence for sentence in (_groups_left(findings), _coverage(manifest), _familiarity(findings)) if sentence
    )


def _groups_left(findings: Mapping[str, Any]) -> str:
    names = [f"'{label}'" for label in findings["plausible"]]
    all_of_them = "both" if len(names) == 2 else "all"
    if len(names) == 1:
        return f"Only the group {names[0]} fits this picture at the level of certainty that the program was set to."
    return (
        f"The groups {', '.join(names[:-1])} and {names[-1]} {all_of_them} fit this picture at the level of certainty "
        "that the program was set to, so it does not settle on one."
    )


def _coverage(manifest: Mapping[str, Any]) -> str:
    coverage = manifest.get("conformal", {}).get("coverage")
    if not coverage:
        return ""
    return (
        f"That level is chosen so that the right group is among the named ones for about {coverage * 100:.0f} of 100 "
        "pictures like those that the program was tuned on."
    )


def _familiarity(findings: Mapping[str, Any]) -> str:
    if _is_out_of_distribution(findings):
        return "The picture differs from those that the program learned from, so these figures should not be relied on."
    return "Nothing marks the picture as unlike those that the program learned from, but it seldom notices when one is."


def _is_out_of_distribution(findings: Mapping[str, Any]) -> bool:
    return bool(findings["novelty"] > findings["novelty_limit"])
