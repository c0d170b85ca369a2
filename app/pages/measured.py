"""The table of what was measured: the field's term, the number behind it, and plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """One row. `term` is "" for sizes, which need none."""

    name: str
    term: str
    value: str
    words: str


def measured(lesion: Mapping[str, Any] | None) -> tuple[Measured, ...]:
    """Size first, then the descriptors; nothing without a lesion."""
    if lesion is None:
        return ()
    return (*_sizes(lesion), *(_descriptor(item) for item in lesion["descriptors"]))


def _sizes(lesion: Mapping[str, Any]) -> tuple[Measured, ...]:
    if lesion.get("width_mm") is None:
        size = f"{lesion['width_px']} × {lesion['height_px']} px"
        longest, area = f"{lesion['longest_axis_px']:.0f} px", f"{lesion['area_px']:,} px²"
    else:
        size = f"{lesion['width_mm']:.1f} × {lesion['height_mm']:.1f} mm"
        longest, area = f"{lesion['longest_axis_mm']:.1f} mm", f"{lesion['area_mm2']:.0f} mm²"
    return (
        Measured("Size", "", size, "Width by height of the outlined area."),
        Measured("Longest axis", "", longest, f"The greatest distance across it. Its area is {area}."),
    )


def _descriptor(item: Mapping[str, Any]) -> Measured:
    return Measured(
        str(item["name"]).capitalize(), str(item["term"]), number(item["value"], item["unit"]), str(item["meaning"])
    )


def number(value: float, unit: str) -> str:
    """A measured number with its unit: decibels to a tenth with their sign, ratios to a hundredth.

    The unit of a ratio says what is divided by what: `0.56 (height / width)`.
    """
    if unit.startswith("dB"):
        sign = "−" if value < 0 else "+"
        return f"{sign}{abs(value):.1f} {unit}"
    shown = unit.replace("4 pi area / perimeter^2", "4π · area / perimeter²")
    return f"{value:.2f} ({shown})"
