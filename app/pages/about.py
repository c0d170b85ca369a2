"""What the about page may read: the networks in use and the figures that were measured on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from app.places.regions import country_name
from app.recalibration.fitting import LOCAL


@dataclass(frozen=True)
class Figure:
    """A measured figure with its 95% interval, both as text; `interval` is "" when there is none."""

    name: str
    meaning: str
    value: str
    interval: str


@dataclass(frozen=True)
class AboutPage:
    """`version` is "" while no networks are installed."""

    version: str
    networks: tuple[str, ...]
    figures: tuple[Figure, ...]
    measured_on: str
    training_data: tuple[str, ...]
    coverage: str
    postcode_countries: tuple[str, ...]


# Metric of the manifest, name for a reader, meaning, whether it is a share that reads best in percent.
_FIGURES = (
    ("dice_lesions", "Overlap of outlines (Dice)", "1 when the outline equals a specialist's, 0 at no overlap", False),
    ("benign_malignant_auc", "Benign against malignant (AUC)", "1 for a perfect order, 0.5 for chance", False),
    ("balanced_accuracy", "Balanced accuracy", "mean share of correctly grouped pictures over the groups", True),
    ("sensitivity_at_operating_point", "Sensitivity", "share of malignant pictures that lead to 'soon'", True),
    ("specificity_at_operating_point", "Specificity", "share of the other pictures that do not", True),
    ("novelty_refused", "Refused as unfamiliar", "share of test pictures that the program would not judge", True),
    (
        "expected_calibration_error",
        "Calibration error",
        "mean gap between how strongly it leans and what was observed",
        True,
    ),
)


def about_page(manifest: Mapping[str, Any], postcode_countries: Collection[str] = ()) -> AboutPage:
    """Read the figures of the manifest; what it lacks is left out.

    Args:
        postcode_countries: codes of the countries of which this server knows postcodes.
    """
    measured = manifest.get("metrics", {})
    metrics = measured.get(LOCAL) or measured.get("busi", {})
    point = manifest.get("operating_points", {}).get("malignant", {})
    found = (_figure(metrics.get(key), name, meaning, is_share) for key, name, meaning, is_share in _FIGURES)
    return AboutPage(
        version=str(manifest.get("version", "")),
        networks=tuple(f"{item['name']} {item['version']}" for item in manifest.get("networks", {}).values()),
        figures=tuple(figure for figure in found if figure is not None),
        measured_on=str(point.get("measured_on", "")),
        training_data=tuple(str(item) for item in manifest.get("training_data", ())),
        coverage=_coverage(manifest),
        postcode_countries=tuple(sorted(country_name(code) for code in postcode_countries)),
    )


def _coverage(manifest: Mapping[str, Any]) -> str:
    coverage = manifest.get("conformal", {}).get("coverage")
    return f"{coverage:.0%}" if coverage else ""


def _figure(metric: Any, name: str, meaning: str, is_share: bool) -> Figure | None:
    """A metric is a number, or a mapping with value, low and high."""
    if metric is None:
        return None
    value, low, high = (metric, None, None) if not isinstance(metric, Mapping) else _bounds(metric)
    if value is None:
        return None
    interval = f"{_shown(low, is_share)} to {_shown(high, is_share)}" if low is not None and high is not None else ""
    return Figure(name, meaning, _shown(value, is_share), interval)


def _bounds(metric: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    return metric.get("value"), metric.get("low"), metric.get("high")


def _shown(value: float, is_share: bool) -> str:
    return f"{value:.0%}" if is_share else f"{value:.2f}"
